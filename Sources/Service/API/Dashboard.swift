// GET /ui: a page that shows the queue and its jobs, follows one, and takes new ones. It needs nothing but itself and this API:
// what may run is told to the browser by its hash (CSP Level 3 §2.3.1). Streams are read by fetch, for an EventSource cannot
// send a key.
import Foundation
import HTTPServer

/// The page.
enum Dashboard {
    private static let policy =
        "default-src 'none'; connect-src 'self'; style-src '\(hash(style))'; script-src '\(hash(script))'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private static let page = Array(
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>Stackelberg</title><style>\(style)</style></head><body>
        <header><h1>Stackelberg</h1><p id="queue"></p>
        <p><a href="/docs">API</a> <a href="/v1/methods">methods</a> <a href="/metrics">metrics</a></p></header>
        <p id="access" hidden><label>Key <input id="key" type="password" autocomplete="off"></label>
        <button id="enter">Use</button></p>
        <p id="fault" role="alert"></p>
        <main><section><h2>Jobs</h2>
        <table><thead><tr><th>id</th><th>state</th><th>method</th><th>created</th></tr></thead>
        <tbody id="jobs"></tbody></table><p><button id="more" hidden>Older</button></p>
        <h2>New job</h2><p><select id="examples"><option value="">an example</option></select>
        <button id="check">Check</button> <button id="submit">Submit</button></p>
        <textarea id="document" rows="16" spellcheck="false" aria-label="Document"></textarea>
        <pre id="report"></pre></section>
        <section id="job" hidden><h2 id="name"></h2><p id="actions"></p><dl id="facts"></dl>
        <figure><svg id="plot" viewBox="0 0 600 220" role="img" aria-label="Progress"></svg>
        <figcaption id="legend"></figcaption></figure><pre id="last"></pre></section></main>
        <script>\(script)</script></body></html>

        """.utf8)

    /// The answer that carries it.
    static let answer = Response.text(page, type: "text/html; charset=utf-8")
        .with("Content-Security-Policy", policy).with("Referrer-Policy", "no-referrer").with(
            "Cache-Control", "no-cache")

    private static func hash(_ text: String) -> String {
        let digest = RunningDigest(.sha256)
        digest.add(Array(text.utf8))
        return "sha256-\(Data(digest.finish()).base64EncodedString())"
    }

    private static let style = """
        body{font:15px/1.45 system-ui,sans-serif;margin:1rem auto;max-width:80rem;padding:0 1rem;color:#222}
        header{display:flex;gap:1.5rem;align-items:baseline;flex-wrap:wrap}h1{font-size:1.4rem}h2{font-size:1.1rem}
        main{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:2rem}
        table{border-collapse:collapse;width:100%}
        th,td{text-align:left;padding:.15rem .6rem .15rem 0;border-bottom:1px solid #ddd}
        tbody tr{cursor:pointer}tbody tr.chosen{font-weight:600}td button{all:unset;cursor:pointer;color:#05a}
        td button:focus-visible{outline:2px solid #05a}code,pre,textarea,td button{font:13px/1.4 ui-monospace,monospace}
        textarea{width:100%;box-sizing:border-box}pre{white-space:pre-wrap;overflow-wrap:anywhere}#fault{color:#b00}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dd{margin:0}figure{margin:0}
        svg{width:100%;background:#f6f6f6}polyline{fill:none;stroke-width:1.5}.f{stroke:#05a}.h{stroke:#b50}
        figcaption .f{color:#05a}figcaption .h{color:#b50}
        @media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}
        svg{background:#222}a,td button,figcaption .f{color:#8bf}.f{stroke:#8bf}th,td{border-color:#444}#fault{color:#f88}}
        """

    private static let script = #"""
        "use strict";
        const $ = id => document.getElementById(id);
        const ended = ["succeeded", "failed", "cancelled"];
        let key = sessionStorage.getItem("key"), chosen = null, stream = null, points = [], cursor = null;

        async function ask(method, path, body, signal) {
          const headers = key ? {Authorization: "Bearer " + key} : {};
          if (body !== undefined) headers["Content-Type"] = "application/json";
          const answer = await fetch(path, {method, headers, body, signal, cache: "no-store"});
          if (answer.status === 401) $("access").hidden = false;
          if (answer.ok) { $("fault").textContent = ""; return answer; }
          const problem = await answer.json().catch(() => ({title: answer.statusText}));
          throw Object.assign(new Error(problem.detail || problem.title), {problem});
        }
        const read = async path => (await ask("GET", path)).json();
        const guarded = act => async (...given) => {
          try { await act(...given); } catch (fault) {
            if (fault.name !== "AbortError") $("fault").textContent = fault.message;
          }
        };
        function element(name, text, attributes = {}) {
          const made = document.createElement(name);
          made.textContent = text;
          return Object.assign(made, attributes);
        }

        function row(job) {
          const line = element("tr", "", {className: job.id === chosen ? "chosen" : ""});
          const cell = element("td", "");
          cell.append(element("button", job.id, {onclick: () => follow(job.id)}));
          line.append(cell, ...[job.termination ? job.state + ", " + job.termination : job.state, job.method || "",
            new Date(job.created_at).toLocaleString()].map(text => element("td", text)));
          return line;
        }
        const list = guarded(async () => {
          const [page, queue] = await Promise.all([read("/v1/jobs?limit=30"), read("/v1/queue")]);
          $("queue").textContent = `${queue.depth} waiting, ${queue.slots.busy} of ${queue.slots.total} workers busy`;
          if (cursor !== null) return;
          $("jobs").replaceChildren(...page.items.map(row));
          $("more").hidden = page.next_cursor === null;
          $("more").onclick = () => older(page.next_cursor);
        });
        const older = guarded(async from => {
          cursor = from;
          const page = await read("/v1/jobs?limit=30&cursor=" + encodeURIComponent(from));
          $("jobs").append(...page.items.map(row));
          $("more").hidden = page.next_cursor === null;
          $("more").onclick = () => older(page.next_cursor);
        });

        const show = guarded(async id => {
          const job = await read("/v1/jobs/" + id);
          if (id !== chosen) return;
          $("name").textContent = id;
          const facts = {state: job.state, termination: job.termination, method: job.method,
            waits: job.position && `at ${job.position}: ${job.reason}`, failure: job.failure && job.failure.detail,
            seconds: job.timings.running_s, attempt: job.attempt, priority: job.priority,
            best: job.best && `${job.best.upper_objective} (iteration ${job.best.iteration})`,
            labels: Object.entries(job.labels).map(pair => pair.join(": ")).join(", ")};
          $("facts").replaceChildren(...Object.entries(facts).filter(fact => fact[1] !== undefined && fact[1] !== null
            && fact[1] !== "").flatMap(fact => [element("dt", fact[0]), element("dd", fact[1])]));
          const act = (label, method, path) => element("button", label, {onclick: guarded(async () => {
            await ask(method, path);
            await list();
            if (method === "DELETE") { $("job").hidden = true; chosen = null; return; }
            if (label === "retry") follow(id); else await show(id);
          })});
          const open = path => element("button", path, {onclick: guarded(async () => {
            const answer = await ask("GET", `/v1/jobs/${id}/${path}`);
            $("last").textContent = JSON.stringify(await answer.json(), null, 1).slice(0, 100000);
          })});
          $("actions").replaceChildren(
            ...ended.includes(job.state)
              ? [act("delete", "DELETE", "/v1/jobs/" + id), ...job.links.retry ? [act("retry", "POST", job.links.retry)] : []]
              : ["stop", "cancel"].map(word => act(word, "POST", job.links[word])),
            open(job.state === "succeeded" ? "result" : "result?partial=true"), open("problem"));
        });

        function draw() {
          const plot = $("plot");
          plot.replaceChildren();
          for (const [name, of] of [["f", p => p.upper_objective], ["h", p => p.hypergradient_norm]]) {
            const known = points.filter(p => Number.isFinite(of(p)));
            if (known.length < 2) continue;
            const isLog = known.every(p => of(p) > 0);
            const scaled = known.map(p => isLog ? Math.log10(of(p)) : of(p));
            const low = Math.min(...scaled), high = Math.max(...scaled), first = known[0].iteration;
            const wide = known[known.length - 1].iteration - first || 1;
            const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
            line.setAttribute("class", name);
            line.setAttribute("points", known.map((p, i) =>
              `${5 + 590 * (p.iteration - first) / wide},${210 - 200 * (scaled[i] - low) / (high - low || 1)}`).join(" "));
            plot.append(line);
          }
          const last = points[points.length - 1];
          if (!last) return;
          $("legend").replaceChildren(element("span", `iteration ${last.iteration}: `),
            element("span", `objective ${last.upper_objective} `, {className: "f"}),
            element("span", `hypergradient norm ${last.hypergradient_norm}`, {className: "h"}));
        }

        async function events(id, after, signal) {
          const query = `after=${after}&max_rate=20&types=progress,state,warning`;
          const answer = await ask("GET", `/v1/jobs/${id}/events?${query}`, undefined, signal);
          const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
          for (let rest = "";;) {
            const {value, done} = await reader.read();
            if (done) return {after};
            const lines = (rest + value).split("\n");
            rest = lines.pop();
            for (const line of lines) {
              const event = JSON.parse(line);
              if (event.seq) after = event.seq;
              if (event.type === "progress") points.push(event.data);
              if (event.type === "warning") $("last").textContent += event.data.message + "\n";
              if (event.type === "state" || event.type === "end") show(id);
              if (event.type === "end") { draw(); return {after, isOver: true}; }
            }
            while (points.length > 4000) points = points.filter((_, i) => i % 2 === 0);
            draw();
          }
        }
        const follow = guarded(async id => {
          if (stream) stream.abort();
          const mine = stream = new AbortController();
          chosen = id;
          points = [];
          $("last").textContent = "";
          $("legend").replaceChildren();
          $("job").hidden = false;
          draw();
          await show(id);
          // A stream that breaks off means nothing: it is taken up where it ended.
          for (let state = {after: 0}; !state.isOver && !mine.signal.aborted;) {
            try { state = await events(id, state.after, mine.signal); } catch (fault) {
              if (fault.name === "AbortError" || fault.problem) throw fault;
            }
            if (!state.isOver) await new Promise(done => setTimeout(done, 1000));
          }
          list();
        });

        const post = path => guarded(async () => {
          $("report").textContent = "";
          try {
            const answer = await (await ask("POST", path, $("document").value)).json();
            if (!answer.id) { $("report").textContent = JSON.stringify(answer, null, 1); return; }
            cursor = null;
            await list();
            follow(answer.id);
          } catch (fault) {
            const errors = fault.problem && fault.problem.errors || [];
            const words = e => `${e.pointer}: ${e.detail}${e.hint ? " (" + e.hint + ")" : ""}`;
            $("report").textContent = errors.map(words).join("\n");
            throw fault;
          }
        });
        $("submit").onclick = post("/v1/jobs");
        $("check").onclick = post("/v1/validate");
        $("enter").onclick = () => {
          key = $("key").value.trim();
          sessionStorage.setItem("key", key);
          $("access").hidden = true;
          list();
        };
        $("examples").onchange = guarded(async () => {
          if ($("examples").value) $("document").value = await (await ask("GET", $("examples").value)).text();
        });
        guarded(async () => {
          const page = await read("/v1/examples");
          $("examples").append(...page.items.map(item => element("option", item.id, {value: item.href})));
        })();
        list();
        setInterval(list, 2000);
        """#
}
