// The contract, `openapi.yaml` at the top of the repository, inside the program: served from any folder. A test holds
// both equal, byte for byte.

/// The text of the contract.
enum OpenAPIText {
    static var bytes: [UInt8] { Array(text.utf8) }

    private static let text = ##"""
        openapi: 3.1.0
        info:
          title: Stackelberg
          version: 0.1.0
          summary: Solves bilevel and multilevel optimization problems given as JSON documents.
          description: |
            A problem goes in as JSON, iterates and hypergradient norms stream out, a result with a certificate stays.
            Names are in snake_case, times are RFC 3339 in UTC, durations are seconds. Every answer carries X-Request-Id.
            Unknown parameters and fields are refused. JSON has no NaN and no infinity: such a number is null, and stands by
            its name under "nonfinite".
          license:
            name: Apache-2.0
            identifier: Apache-2.0
        servers:
          - url: http://127.0.0.1:8080
        tags:
          - name: jobs
            description: Problems that are being solved, or were.
          - name: catalogue
            description: What can be sent.
          - name: service
            description: What the service says of itself.

        paths:
          /v1/jobs:
            post:
              operationId: submitJob
              tags: [jobs]
              summary: Submit a problem.
              description: |
                The document is checked in full by a worker process before the answer. With curl, use --json @file.
                A client that leaves cancels nothing.
              parameters:
                - name: dry_run
                  in: query
                  description: Only check; answers 200 with the validation report, and writes nothing.
                  schema: {type: boolean, default: false}
                - name: Idempotency-Key
                  in: header
                  description: |
                    A repetition with the same key and body within 24 hours finds the same job again, with
                    Idempotency-Replayed; with another body it is refused.
                  schema: {type: string, minLength: 1, maxLength: 255, pattern: '^[!-~]+$'}
                - name: Prefer
                  in: header
                  description: |
                    wait=N waits up to N seconds (at most 60) for the end; if it comes in time the answer is 200 with the
                    job document and its result.
                  schema: {type: string}
                  example: wait=30
              requestBody:
                $ref: '#/components/requestBodies/Document'
              responses:
                '200':
                  description: The job has ended in time (Prefer), or the report of a dry run.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                    ETag: {$ref: '#/components/headers/ETag'}
                    Location: {$ref: '#/components/headers/Location'}
                    Preference-Applied: {$ref: '#/components/headers/PreferenceApplied'}
                    Idempotency-Replayed: {$ref: '#/components/headers/IdempotencyReplayed'}
                  content:
                    application/json:
                      schema:
                        oneOf:
                          - $ref: '#/components/schemas/Job'
                          - $ref: '#/components/schemas/ValidationReport'
                '202':
                  description: The job is in the queue, or further.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                    ETag: {$ref: '#/components/headers/ETag'}
                    Location: {$ref: '#/components/headers/Location'}
                    Retry-After: {$ref: '#/components/headers/RetryAfter'}
                    Preference-Applied: {$ref: '#/components/headers/PreferenceApplied'}
                    Idempotency-Replayed: {$ref: '#/components/headers/IdempotencyReplayed'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Job'}
                      examples:
                        queued: {$ref: '#/components/examples/QueuedJob'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '410': {$ref: '#/components/responses/Gone'}
                '413': {$ref: '#/components/responses/ContentTooLarge'}
                '415': {$ref: '#/components/responses/UnsupportedMediaType'}
                '422': {$ref: '#/components/responses/Unprocessable'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}
                '507': {$ref: '#/components/responses/InsufficientStorage'}
            get:
              operationId: listJobs
              tags: [jobs]
              summary: List jobs.
              parameters:
                - name: state
                  in: query
                  description: Only these states; may be repeated or a list with commas.
                  schema: {type: array, items: {$ref: '#/components/schemas/State'}}
                  style: form
                  explode: false
                - name: label
                  in: query
                  description: Only jobs with this label, as name:value; may be repeated.
                  schema: {type: array, items: {type: string, pattern: '^[^:]+:.*$'}}
                  style: form
                  explode: true
                - name: created_after
                  in: query
                  schema: {type: string, format: date-time}
                - name: sort
                  in: query
                  schema: {type: string, enum: ['-created_at', created_at], default: '-created_at'}
                - name: limit
                  in: query
                  schema: {type: integer, minimum: 1, maximum: 200, default: 50}
                - name: cursor
                  in: query
                  description: The next_cursor of a page.
                  schema: {type: string}
              responses:
                '200':
                  description: A page.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                    Link:
                      description: The next page, rel="next"; missing on the last one.
                      schema: {type: string}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/JobList'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}

          /v1/jobs/{id}:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              operationId: readJob
              tags: [jobs]
              summary: Read a job.
              parameters:
                - $ref: '#/components/parameters/Wait'
                - name: If-None-Match
                  in: header
                  description: With wait, the answer comes when the revision is another than the one named here.
                  schema: {type: string}
              responses:
                '200':
                  description: The job.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                    ETag: {$ref: '#/components/headers/ETag'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Job'}
                '304':
                  description: Nothing has changed.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                    ETag: {$ref: '#/components/headers/ETag'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}
            delete:
              operationId: deleteJob
              tags: [jobs]
              summary: Delete a job that has ended, with its log and result.
              parameters:
                - name: force
                  in: query
                  description: Also a job that has not ended; its work is dropped.
                  schema: {type: boolean, default: false}
              responses:
                '204':
                  description: The job is gone.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '409': {$ref: '#/components/responses/Conflict'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}

          /v1/jobs/{id}/events:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              operationId: readEvents
              tags: [jobs]
              summary: The numbered log of a job, as a stream or as a page.
              description: |
                Accept chooses: application/x-ndjson (default), text/event-stream, application/json (one page).
                An event "end" is the last and the only sign of completion; a closed connection means nothing: come back
                with after. Without numbers come "gap" (numbers that will not come), "server" (reconnect) and, after 15
                seconds of silence, "keep-alive" (a comment in an event stream); no choice of types keeps them out.
                A reader that is too slow loses progress events only, and is told by "gap".
              parameters:
                - name: after
                  in: query
                  description: Only events with greater numbers.
                  schema: {type: integer, minimum: 0, default: 0}
                - name: types
                  in: query
                  description: Only these types and "end"; may be repeated or a list with commas.
                  schema: {type: array, items: {$ref: '#/components/schemas/EventType'}}
                  style: form
                  explode: false
                - name: follow
                  in: query
                  description: Whether a stream waits for what has not happened yet.
                  schema: {type: boolean, default: true}
                - name: limit
                  in: query
                  description: Rows of the log that a page looks at.
                  schema: {type: integer, minimum: 1, maximum: 500, default: 100}
                - name: Last-Event-ID
                  in: header
                  description: As after, and stronger.
                  schema: {type: integer, minimum: 0}
              responses:
                '200':
                  description: The log.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                    Cache-Control:
                      description: no-store.
                      schema: {type: string, const: no-store}
                    X-Accel-Buffering:
                      description: no, on streams.
                      schema: {type: string, const: 'no'}
                  content:
                    application/x-ndjson:
                      schema: {$ref: '#/components/schemas/Event'}
                      examples:
                        progress: {$ref: '#/components/examples/ProgressEvent'}
                    text/event-stream:
                      schema: {type: string}
                    application/json:
                      schema: {$ref: '#/components/schemas/EventPage'}
                '204':
                  description: An event stream that has been read to its end; EventSource stops.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '406': {$ref: '#/components/responses/NotAcceptable'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}

          /v1/jobs/{id}/result:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              operationId: readResult
              tags: [jobs]
              summary: The result.
              parameters:
                - $ref: '#/components/parameters/Wait'
                - name: partial
                  in: query
                  description: The best so far of a job that runs, failed or was cancelled.
                  schema: {type: boolean, default: false}
              responses:
                '200':
                  description: The result; of a running job with partial, its newest progress.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema:
                        oneOf:
                          - $ref: '#/components/schemas/Result'
                          - $ref: '#/components/schemas/IntermediateResult'
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '409': {$ref: '#/components/responses/Conflict'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}

          /v1/jobs/{id}/problem:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              operationId: readProblem
              tags: [jobs]
              summary: The document as it was accepted.
              responses:
                '200':
                  description: The document.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Document'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}

          /v1/jobs/{id}/stop:
            parameters:
              - $ref: '#/components/parameters/JobId'
            post:
              operationId: stopJob
              tags: [jobs]
              summary: End a job and keep its best iterate.
              description: A job without an iterate is cancelled; a job that has ended stays as it is.
              responses:
                '200': {$ref: '#/components/responses/EndedJob'}
                '202': {$ref: '#/components/responses/EndingJob'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}
                '507': {$ref: '#/components/responses/InsufficientStorage'}

          /v1/jobs/{id}/cancel:
            parameters:
              - $ref: '#/components/parameters/JobId'
            post:
              operationId: cancelJob
              tags: [jobs]
              summary: End a job.
              description: Works in every state; a job that has ended stays as it is.
              responses:
                '200': {$ref: '#/components/responses/EndedJob'}
                '202': {$ref: '#/components/responses/EndingJob'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}
                '507': {$ref: '#/components/responses/InsufficientStorage'}

          /v1/validate:
            post:
              operationId: validateDocument
              tags: [catalogue]
              summary: Check a document without submitting it.
              parameters:
                - name: gradient_check
                  in: query
                  description: Also measure derivatives and curvature at the start.
                  schema: {type: boolean, default: false}
              requestBody:
                $ref: '#/components/requestBodies/Document'
              responses:
                '200':
                  description: The report, of a valid document or of one with faults.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/ValidationReport'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '413': {$ref: '#/components/responses/ContentTooLarge'}
                '415': {$ref: '#/components/responses/UnsupportedMediaType'}
                '422': {$ref: '#/components/responses/Unprocessable'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}

          /v1/examples:
            get:
              operationId: listExamples
              tags: [catalogue]
              summary: Complete documents to begin with.
              responses:
                '200':
                  description: The examples.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [items]
                        properties:
                          items:
                            type: array
                            items:
                              type: object
                              required: [id, datasets, bytes, href]
                              properties:
                                id: {type: string}
                                title: {type: string}
                                datasets: {type: array, items: {type: string}}
                                bytes: {type: integer}
                                href: {type: string}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}

          /v1/examples/{id}:
            get:
              operationId: readExample
              tags: [catalogue]
              summary: An example, to be sent to POST /v1/jobs as it is.
              parameters:
                - name: id
                  in: path
                  required: true
                  schema: {type: string}
                  example: quadratic
              responses:
                '200':
                  description: The document.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/Document'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}

          /v1/methods:
            get:
              operationId: listMethods
              tags: [catalogue]
              summary: Every method, its axes, defaults, needs and source.
              responses:
                '200':
                  description: The methods.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [items, axes, parameters]
                        properties:
                          items:
                            type: array
                            items:
                              type: object
                              required: [name, summary, defaults, needs, source]
                              properties:
                                name: {type: string}
                                summary: {type: string}
                                defaults: {type: object}
                                needs: {type: array, items: {type: string}}
                                source: {type: string}
                          axes:
                            type: object
                            additionalProperties: {type: array, items: {type: string}}
                          parameters:
                            type: object
                            additionalProperties: {type: string}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}

          /v1/queue:
            get:
              operationId: readQueue
              tags: [service]
              summary: Depth and age of the queue, and slots of the workers.
              responses:
                '200':
                  description: The queue.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [depth, oldest_age_s, jobs, slots]
                        properties:
                          depth: {type: integer}
                          oldest_age_s: {type: [number, 'null']}
                          jobs:
                            type: object
                            additionalProperties: {type: integer}
                          slots:
                            type: object
                            required: [total, busy, free]
                            properties:
                              total: {type: integer}
                              busy: {type: integer}
                              free: {type: integer}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}

          /v1/workers:
            get:
              operationId: listWorkers
              tags: [service]
              summary: The worker processes.
              responses:
                '200':
                  description: The workers, and how many were lost by reason.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [items, restarts]
                        properties:
                          items:
                            type: array
                            items:
                              type: object
                              required: [name, process_id, job, resident_bytes, version]
                              properties:
                                name: {type: string}
                                process_id: {type: integer}
                                job: {type: [string, 'null']}
                                resident_bytes: {type: [integer, 'null']}
                                version: {type: string}
                          restarts:
                            type: object
                            additionalProperties: {type: integer}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}

          /livez:
            get:
              operationId: isLive
              tags: [service]
              summary: Whether the process answers.
              parameters:
                - $ref: '#/components/parameters/Verbose'
              responses:
                '200': {$ref: '#/components/responses/Healthy'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}

          /readyz:
            get:
              operationId: isReady
              tags: [service]
              summary: Whether the service takes jobs.
              parameters:
                - $ref: '#/components/parameters/Verbose'
              responses:
                '200': {$ref: '#/components/responses/Healthy'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '503': {$ref: '#/components/responses/Unhealthy'}

          /startupz:
            get:
              operationId: isStarted
              tags: [service]
              summary: Whether the service has started.
              parameters:
                - $ref: '#/components/parameters/Verbose'
              responses:
                '200': {$ref: '#/components/responses/Healthy'}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '503': {$ref: '#/components/responses/Unhealthy'}

          /metrics:
            get:
              operationId: readMetrics
              tags: [service]
              summary: Metrics for Prometheus.
              responses:
                '200':
                  description: Text exposition format 0.0.4.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    text/plain:
                      schema: {type: string}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '500': {$ref: '#/components/responses/InternalError'}
                '503': {$ref: '#/components/responses/Unavailable'}

          /version:
            get:
              operationId: readVersion
              tags: [service]
              summary: Version and revision of the program.
              responses:
                '200':
                  description: The version.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [version, revision]
                        properties:
                          version: {type: string}
                          revision: {type: string}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}

          /openapi.yaml:
            get:
              operationId: readContract
              tags: [service]
              summary: This document.
              responses:
                '200':
                  description: OpenAPI 3.1.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/yaml:
                      schema: {type: string}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}

          /problems/{type}:
            get:
              operationId: readProblemType
              tags: [service]
              summary: What the type of a problem means.
              parameters:
                - name: type
                  in: path
                  required: true
                  schema: {type: string}
                  example: validation-failed
              responses:
                '200':
                  description: The type.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [type, title, status]
                        properties:
                          type: {type: string}
                          title: {type: string}
                          status: {type: integer}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}
                '404': {$ref: '#/components/responses/NotFound'}

          /:
            get:
              operationId: readLinks
              tags: [service]
              summary: Where to begin.
              responses:
                '200':
                  description: Links by name.
                  headers:
                    X-Request-Id: {$ref: '#/components/headers/RequestId'}
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [name, version, links]
                        properties:
                          name: {type: string}
                          version: {type: string}
                          links:
                            type: object
                            additionalProperties: {type: string}
                '400': {$ref: '#/components/responses/BadRequest'}
                '403': {$ref: '#/components/responses/Forbidden'}

        components:
          parameters:
            JobId:
              name: id
              in: path
              required: true
              description: The prefix and a ULID. Other text is answered 404.
              schema: {type: string, pattern: '^job_[0-7][0-9A-HJKMNP-TV-Z]{25}$'}
              example: job_01HZX3V9T4S0K2E6W8Q1R5Y7AB
            Wait:
              name: wait
              in: query
              description: Seconds to wait for a change (of a result, for the end).
              schema: {type: integer, minimum: 0, maximum: 60, default: 0}
            Verbose:
              name: verbose
              in: query
              description: List the checks.
              allowEmptyValue: true
              schema: {type: boolean, default: false}

          headers:
            RequestId:
              description: The id that came with the request, if it was well formed, or a new one.
              schema: {type: string, pattern: '^[A-Za-z0-9._-]{1,128}$'}
            ETag:
              description: Revision of the job and number of its newest event.
              schema: {type: string, pattern: '^"r[0-9]+\.s[0-9]+"$'}
            Location:
              description: The path of the job.
              schema: {type: string}
            RetryAfter:
              description: Seconds after which to ask again.
              schema: {type: integer}
            PreferenceApplied:
              description: The wait that was granted.
              schema: {type: string}
            IdempotencyReplayed:
              description: The job was made by an earlier request.
              schema: {type: string, const: 'true'}

          requestBodies:
            Document:
              required: true
              description: At most 16 MiB of JSON in UTF-8, nested at most 64 deep.
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Document'}
                  examples:
                    quadratic: {$ref: '#/components/examples/Quadratic'}

          responses:
            EndedJob:
              description: The job has ended.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
                ETag: {$ref: '#/components/headers/ETag'}
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Job'}
            EndingJob:
              description: The job has been asked to end.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
                ETag: {$ref: '#/components/headers/ETag'}
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Job'}
            Healthy:
              description: It does.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Health'}
            Unhealthy:
              description: Not now.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Health'}
            BadRequest:
              description: malformed-json (with line and column), invalid-parameter, malformed-request.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            Forbidden:
              description: forbidden-host; without keys the service answers to localhost only.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            NotFound:
              description: not-found.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            NotAcceptable:
              description: not-acceptable.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            Conflict:
              description: result-not-ready (with Retry-After), no-result, invalid-state.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
                Retry-After: {$ref: '#/components/headers/RetryAfter'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            Gone:
              description: gone; the job of this idempotency key has been deleted.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            ContentTooLarge:
              description: content-too-large.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            UnsupportedMediaType:
              description: unsupported-media-type; send application/json.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            Unprocessable:
              description: validation-failed (with every fault), exceeds-limits, idempotency-key-reused.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
                  examples:
                    shapes: {$ref: '#/components/examples/ValidationFailed'}
            InternalError:
              description: internal-error; the cause stands in the log under the request's id.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            Unavailable:
              description: queue-full, draining, storage, overloaded, admission-unavailable, too-many-waits.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
                Retry-After: {$ref: '#/components/headers/RetryAfter'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
            InsufficientStorage:
              description: insufficient-storage.
              headers:
                X-Request-Id: {$ref: '#/components/headers/RequestId'}
                Retry-After: {$ref: '#/components/headers/RetryAfter'}
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}

          schemas:
            State:
              type: string
              enum: [queued, running, stopping, succeeded, failed, cancelled]
            EventType:
              type: string
              enum: [progress, incumbent, state, checkpoint, warning, end]
            Document:
              type: object
              required: [problem]
              properties:
                problem:
                  type: object
                  required: [levels]
                  properties:
                    name: {type: string}
                    data: {type: object}
                    levels: {type: array, minItems: 1, maxItems: 8, items: {type: object}}
                method: {type: [string, object]}
                limits: {$ref: '#/components/schemas/Limits'}
                tolerances:
                  type: object
                  properties:
                    hypergradient: {type: number, minimum: 0}
                    lower: {type: number, minimum: 0}
                    linear: {type: number, minimum: 0}
                seed: {type: [integer, string]}
                progress:
                  type: object
                  properties:
                    every: {type: integer, minimum: 1}
                    min_interval_ms: {type: integer, minimum: 0}
                    iterates: {type: string, enum: [none, inline, reference]}
                checkpoint:
                  type: object
                  properties:
                    every_seconds: {type: number, exclusiveMinimum: 0}
                priority: {type: integer, minimum: 0, maximum: 9}
                labels:
                  type: object
                  maxProperties: 64
                  additionalProperties: {type: string}
                ttl_seconds: {type: number, exclusiveMinimum: 0}
                retry:
                  type: object
                  properties:
                    max_attempts: {type: integer, minimum: 1, maximum: 100}
                webhook: {type: object}
            Limits:
              type: object
              properties:
                time_seconds: {type: number, exclusiveMinimum: 0}
                iterations: {type: integer, minimum: 0}
                oracle_calls: {type: integer, minimum: 1}
                memory_bytes: {type: integer, minimum: 1}
                queue_seconds: {type: number, exclusiveMinimum: 0}
            Job:
              type: object
              required:
                - id
                - state
                - termination
                - created_at
                - started_at
                - finished_at
                - expires_at
                - priority
                - labels
                - limits
                - attempt
                - failures
                - max_attempts
                - revision
                - last_seq
                - has_result
                - timings
                - links
              properties:
                id: {type: string}
                state: {$ref: '#/components/schemas/State'}
                termination: {type: [string, 'null']}
                failure: {$ref: '#/components/schemas/Failure'}
                interruption: {type: string, enum: [stop, cancel]}
                created_at: {type: string, format: date-time}
                started_at: {type: [string, 'null'], format: date-time}
                finished_at: {type: [string, 'null'], format: date-time}
                expires_at: {type: [string, 'null'], format: date-time}
                priority: {type: integer, minimum: 0, maximum: 9}
                labels: {type: object, additionalProperties: {type: string}}
                limits: {$ref: '#/components/schemas/Limits'}
                attempt: {type: integer}
                failures: {type: integer}
                max_attempts: {type: integer}
                revision: {type: integer}
                last_seq: {type: integer}
                has_result: {type: boolean}
                position: {type: integer, description: Place in the queue; only while queued.}
                reason: {type: string, description: Why it waits; only while queued.}
                worker: {type: string}
                last_heartbeat_at: {type: string, format: date-time}
                progress: {$ref: '#/components/schemas/Progress'}
                best: {type: object}
                timings:
                  type: object
                  required: [queued_s]
                  properties:
                    queued_s: {type: number}
                    running_s: {type: number}
                links: {type: object, additionalProperties: {type: string}}
                result: {$ref: '#/components/schemas/Result'}
            JobList:
              type: object
              required: [items, next_cursor]
              properties:
                items: {type: array, items: {$ref: '#/components/schemas/Job'}}
                next_cursor: {type: [string, 'null']}
            Failure:
              type: object
              required: [code, detail]
              properties:
                code: {type: string}
                detail: {type: string}
            Progress:
              type: object
              properties:
                iteration: {type: integer}
                upper_objective: {type: [number, 'null']}
                hypergradient_norm: {type: [number, 'null']}
                lower_residual: {type: [number, 'null']}
                linear_residual: {type: [number, 'null']}
                step: {type: [number, 'null']}
                oracle: {type: object, additionalProperties: {type: integer}}
                elapsed_seconds: {type: number}
                iterate: {type: object}
            Event:
              type: object
              required: [type, time, data]
              properties:
                seq: {type: integer, minimum: 1, description: Missing on gap, server and keep-alive.}
                type: {type: string}
                time: {type: string, format: date-time}
                attempt: {type: integer}
                data: {type: [object, 'null']}
            EventPage:
              type: object
              required: [items, next_after, has_more, ended]
              properties:
                items: {type: array, items: {$ref: '#/components/schemas/Event'}}
                next_after: {type: integer}
                has_more: {type: boolean}
                ended: {type: boolean, description: The job has ended and its log has been read.}
            Result:
              type: object
              properties:
                job: {type: string}
                state: {$ref: '#/components/schemas/State'}
                termination: {type: [string, 'null']}
                method: {type: object}
                objective: {type: object}
                variables: {type: object}
                certificate: {type: object}
                best: {type: object}
                iterations: {type: integer}
                oracle: {type: object, additionalProperties: {type: integer}}
                timings: {type: object}
                seed: {type: [integer, string]}
                result_sha256: {type: string}
                provenance: {type: object}
            IntermediateResult:
              type: object
              required: [job, state, termination, partial, progress]
              properties:
                job: {type: string}
                state: {$ref: '#/components/schemas/State'}
                termination: {type: 'null'}
                partial: {type: boolean, const: true}
                progress: {$ref: '#/components/schemas/Progress'}
                best: {type: object}
            ValidationReport:
              type: object
              required: [valid]
              properties:
                valid: {type: boolean}
                document_sha256: {type: string}
                shapes: {type: object}
                levels: {type: array, items: {type: object}}
                method: {type: object}
                memory: {type: object}
                warnings: {type: array, items: {$ref: '#/components/schemas/Fault'}}
                errors: {type: array, items: {$ref: '#/components/schemas/Fault'}}
                omitted: {type: integer}
            Fault:
              type: object
              required: [pointer, code, detail]
              properties:
                pointer: {type: string}
                line: {type: integer}
                column: {type: integer}
                code: {type: string}
                detail: {type: string}
                hint: {type: string}
            Problem:
              type: object
              required: [type, title, status, detail, request_id]
              properties:
                type: {type: string, format: uri-reference}
                title: {type: string}
                status: {type: integer}
                detail: {type: string}
                request_id: {type: string}
                errors: {type: array, items: {$ref: '#/components/schemas/Fault'}}
            Health:
              type: object
              required: [status]
              properties:
                status: {type: string, enum: [ok, unavailable]}
                checks: {type: object, additionalProperties: {type: string, enum: [ok, failed]}}

          examples:
            Quadratic:
              summary: A leader and a follower on a line.
              value:
                problem:
                  name: a leader and a follower on a line
                  levels:
                    - name: leader
                      variables: {x: {shape: [], start: 0}}
                      minimize: 0.5 * (y - 6)^2 + 0.5 * x^2
                    - name: follower
                      variables: {y: {shape: [], start: 0}}
                      minimize: (y - 3 * x)^2
                tolerances: {hypergradient: 1.0e-10}
            QueuedJob:
              summary: A job that waits.
              value:
                id: job_01HZX3V9T4S0K2E6W8Q1R5Y7AB
                state: queued
                termination: null
                created_at: '2026-01-31T12:00:00.000Z'
                started_at: null
                finished_at: null
                expires_at: null
                priority: 0
                labels: {}
                limits: {}
                attempt: 0
                failures: 0
                max_attempts: 3
                revision: 1
                last_seq: 1
                has_result: false
                position: 1
                reason: next for a free worker
                timings: {queued_s: 0}
                links:
                  self: /v1/jobs/job_01HZX3V9T4S0K2E6W8Q1R5Y7AB
                  events: /v1/jobs/job_01HZX3V9T4S0K2E6W8Q1R5Y7AB/events
            ProgressEvent:
              summary: One line of a stream.
              value:
                seq: 412
                type: progress
                time: '2026-01-31T12:00:18.200Z'
                attempt: 1
                data: {iteration: 57, upper_objective: 0.4131, hypergradient_norm: 0.0021}
            ValidationFailed:
              summary: Two shapes that do not fit.
              value:
                type: /problems/validation-failed
                title: The document has faults.
                status: 422
                detail: the document has 1 fault
                request_id: 9k2m4x0q7w1ab
                errors:
                  - pointer: /problem/levels/1/minimize
                    line: 1
                    column: 9
                    code: shape-mismatch
                    detail: the vectors have 10 and 11 entries

        """##
}
