// Which names of a document with faults mean nothing certain: what uses them is not judged, everything else is.

import ExpressionLanguage

extension DocumentReader {
    /// The names of data, definitions and variables that a reported fault concerns.
    ///
    /// - Parameter problem: the members of `/problem`.
    /// - Complexity: O(n) in the faults, which are bounded, and in the arrays of a sample axis with a fault.
    func unreadableNames(of problem: Fields) -> Set<String> {
        var names: Set<String> = []
        for fault in diagnostics.kept {
            guard fault.severity == .error, let steps = JSONPointer.steps(of: fault.pointer), steps.count > 2,
                steps[0] == "problem"
            else { continue }
            switch steps[1] {
            case "data", "definitions": names.insert(steps[2])
            case "samples" where steps.last != "batch": names.formUnion(aligned(with: steps[2], problem))
            case "levels": names.formUnion(variable(fault, steps, problem))
            default: continue
            }
        }
        return names
    }

    /// Whether names may be lacking altogether, because what should give them is missing or is no object.
    func lacksNames(_ problem: Fields) -> Bool {
        let isObject = { (name: String) in problem[name].map { $0.value.members != nil } ?? true }
        guard problem.members.allSatisfy({ Problem.fields.contains($0.name) }), isObject("data"),
            isObject("definitions"),
            let levels = problem["levels"]?.value.elements
        else { return true }
        return !levels.allSatisfy { $0["variables"]?.members?.isEmpty == false }
    }

    /// The variable that a fault in a level is about, unless its shape is certain all the same.
    private func variable(_ fault: Diagnostic, _ steps: [String], _ problem: Fields) -> Set<String> {
        guard steps.count > 4, steps[3] == "variables" else { return [] }
        if steps.count > 5 {
            if ["constraint", "start"].contains(steps[5]) { return [] }
            let variable = Int(steps[2]).flatMap { problem["levels"]?.value[$0]?["variables"]?[steps[4]] }
            if fault.code == .unknownField, variable?["shape"] != nil { return [] }
        }
        return [steps[4]]
    }

    /// The arrays of a sample axis and the variables with rows of it.
    private func aligned(with axis: String, _ problem: Fields) -> Set<String> {
        var names: Set<String> = []
        for array in problem["samples"]?.value[axis]?["arrays"]?.elements ?? [] {
            if let name = array.text { names.insert(name) }
        }
        for level in problem["levels"]?.value.elements ?? [] {
            for variable in level["variables"]?.members ?? [] where variable.value["per"]?.text == axis {
                names.insert(variable.name)
            }
        }
        return names
    }
}
