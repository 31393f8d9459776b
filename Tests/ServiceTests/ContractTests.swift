// Router and contract are equal, and the contract is whole.
import Foundation
import HTTP1
import MultilevelOptimization
import ProblemSpecification
import Service
import Testing

extension APITests {
    @Suite(.timeLimit(.minutes(10))) struct ContractTests {
        @Test func everyRouteStandsInTheContractAndTheOtherWayRound() async throws {
            let contract = try Contract.current.get()
            try await withHouse { house in
                #expect(house.routes == contract.operations.map { "\($0.method) \($0.pattern)" }.sorted())
            }
        }

        @Test func everyReferenceOfTheContractLeadsSomewhere() throws {
            let contract = try Contract.current.get()
            #expect(contract.references.subtracting(contract.definitions) == [])
            #expect(contract.definitions.subtracting(contract.references) == [])
        }

        @Test func theServedContractIsTheFile() async throws {
            let file = [UInt8](try Data(contentsOf: Contract.file))
            try await withHouse { house in
                let answer = try await house.client().get("/openapi.yaml")
                #expect(answer.status == 200)
                #expect(answer["content-type"] == "application/yaml")
                #expect(answer.body == file)
            }
        }

        @Test func theContractIsThereAsJSONAndAsAPage() async throws {
            let contract = try Contract.current.get()
            try await withHouse { house in
                let client = try house.client()
                let json = try await client.get("/openapi.json").json
                #expect(json["openapi"]?.text == "3.1.0")
                #expect(json["paths"]?.members?.count == Set(contract.operations.map(\.pattern)).count)
                let page = try await client.get("/docs")
                #expect(page["content-type"] == "text/html; charset=utf-8")
                #expect(page["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
                for operation in contract.operations {
                    #expect(
                        page.text.contains("<h3 id=")
                            && page.text.contains("<code>\(operation.method) \(operation.pattern)</code></h3>"))
                }
                for reference in ["http://", "https://", "<script", "<link", "url("] {
                    #expect(!page.text.contains(reference) || reference == "http://", "\(reference)")
                }
            }
        }

        @Test func everyTypeOfProblemHasItsPage() async throws {
            try await withHouse { house in
                let client = try house.client()
                for type in ProblemType.allCases {
                    let answer = try await client.get("/problems/\(type.rawValue)")
                    #expect(try answer.json["status"]?.double == Double(type.status.code))
                }
                #expect(try await client.get("/problems/none").status == 404)
            }
        }

        @Test func methodsNameEveryWordOfTheirVocabularies() async throws {
            try await withHouse { house in
                let document = try await house.client().get("/v1/methods").json
                let names = document["items"]?.elements?.compactMap { $0["name"]?.text }
                #expect(names == MethodName.allCases.map(\.rawValue))
                let solvers = document["axes"]?["lower_solver"]?.elements?.compactMap(\.text)
                #expect(solvers == LowerSolverName.allCases.map(\.rawValue))
                for item in document["items"]?.elements ?? [] {
                    for field in ["summary", "source"] { #expect(item[field]?.text?.isEmpty == false) }
                    for parameter in item["parameters"]?.elements ?? [] {
                        #expect(parameter["path"]?.text?.contains(".") == true)
                        #expect(parameter["range"]?.text?.isEmpty == false && parameter["default"] != nil)
                    }
                }
            }
        }

        @Test(arguments: ["/v1/methods", "/v1/examples"]) func readersThatHaveADocumentAreToldSo(_ path: String)
            async throws
        {
            try await withHouse { house in
                let client = try house.client()
                let first = try await client.get(path)
                let tag = try #require(first["etag"])
                #expect(tag == "\"\(Digest.sha256(first.body))\"")
                for condition in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                    let again = try await client.get(path, "If-None-Match: \(condition)")
                    #expect(again.status == 304 && again.body.isEmpty && again["etag"] == tag)
                }
                #expect(try await client.get(path, "If-None-Match: \"x\"").body == first.body)
                #expect(try await client.get(path, "If-Match: \"x\"").problem == "precondition-failed")
                let coded = try await client.get(path, "Accept-Encoding: gzip")
                let other = try #require(coded["etag"])
                #expect(coded["content-encoding"] == "gzip" && other == tag.dropLast() + "-gzip\"")
                #expect(try await client.get(path, "Accept-Encoding: gzip", "If-None-Match: \(other)").status == 304)
            }
        }

        @Test func examplesAreTheFilesAsTheyAre() async throws {
            try await withHouse { house in
                let client = try house.client()
                let items = try await client.get("/v1/examples").json["items"]?.elements ?? []
                let ids = items.compactMap { $0["id"]?.text }
                #expect(ids.contains("quadratic"))
                for item in items {
                    let id = try #require(item["id"]?.text)
                    let file = Contract.root.appending(path: "Examples/\(id).json")
                    #expect(try await client.get("/v1/examples/\(id)").body == [UInt8](try Data(contentsOf: file)))
                }
                #expect(try await client.get("/v1/examples/none").status == 404)
                #expect(try await client.get("/v1/examples/..%2Fquadratic").status == 404)
            }
        }
    }
}
