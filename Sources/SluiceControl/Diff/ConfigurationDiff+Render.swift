import SluiceConfig

extension ConfigurationDiff {
    /// How many differences the text shows; the JSON has all that were kept.
    private static let shown = 100

    /// For people: what many requests share, then each difference of routes with an example to try.
    package var text: String {
        guard !isEmpty else { return "equal: \(requests) requests are decided alike\n" }
        var out = ""
        for change in shared { out += text(of: change) }
        for difference in differences.prefix(Self.shown) { out += text(of: difference) }
        for route in untried {
            out += "untried  \(route.name)  \(route.place.shown)\n"
            out += "  written differently, but no request could be made for its conditions\n\n"
        }
        let more = differences.count - min(differences.count, Self.shown) + omitted
        if more > 0 { out += "... and \(more) more differences\n\n" }
        return out + summary
    }

    private var summary: String {
        let count = differences.count + omitted + shared.count + untried.count
        let unlike = differences.reduce(0) { $0 + $1.count } + omitted
        return "\(count) \(count == 1 ? "difference" : "differences"); "
            + "routes decide \(unlike) of \(requests) requests differently\n"
    }

    private func text(of change: SharedChange) -> String {
        let places = Self.places(change.old, change.new)
        let lines = change.changes.map { "  \($0)\n" }.joined()
        let example = change.example.isEmpty ? "" : "  \(change.example)\(Self.others(change.count))\n"
        return Printable.lines("\(change.kind.rawValue)  \(change.name)\(places)\n" + lines + example + "\n")
    }

    /// `  old.yaml:1:2 -> new.yaml:3:4`, as far as there are places.
    private static func places(_ old: SourcePlace?, _ new: SourcePlace?) -> String {
        let places = [old, new].compactMap { $0?.shown }.filter { !$0.isEmpty }
        return places.isEmpty ? "" : "  " + places.joined(separator: " -> ")
    }

    private static func others(_ count: Int) -> String { count > 1 ? "   # and \(count - 1) more like it" : "" }

    private func text(of difference: Difference) -> String {
        let names = [difference.old?.name, difference.new?.name].compactMap { $0 }
        let name = names.count == 2 && names[0] != names[1] ? "\(names[0]) -> \(names[1])" : names.first ?? "no route"
        let places = Self.places(difference.old?.place, difference.new?.place)
        var out = "\(difference.kind.rawValue)  \(name)\(places)\n"
        for change in difference.changes { out += "  \(change)\n" }
        return Printable.lines(out + "  \(difference.example)\(Self.others(difference.count))\n\n")
    }

    /// For programs: one object.
    package var json: String {
        var json = JSONWriter()
        json.object { json in
            json.field("equal", isEmpty)
            json.field("requests", requests)
            json.field("omitted", omitted)
            json.array("shared") { json in
                for change in shared { json.object { change.write(to: &$0) } }
            }
            json.array("differences") { json in
                for difference in differences { json.object { difference.write(to: &$0) } }
            }
            json.array("untried") { json in
                for route in untried { json.object { route.write(to: &$0) } }
            }
        }
        return json.text + "\n"
    }
}

extension ConfigurationDiff.SharedChange {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("kind", kind.rawValue)
        json.field("name", name)
        if let old { json.place(old, named: "old") }
        if let new { json.place(new, named: "new") }
        json.strings("changes", changes)
        guard !example.isEmpty else { return }
        json.field("example", example)
        json.field("count", count)
    }
}

extension ConfigurationDiff.Difference {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("kind", kind.rawValue)
        if let old { json.object("old") { old.write(to: &$0) } }
        if let new { json.object("new") { new.write(to: &$0) } }
        json.strings("changes", changes)
        json.field("example", example)
        json.field("count", count)
    }
}

extension ConfigurationDiff.Route {
    fileprivate func write(to json: inout JSONWriter) {
        json.field("name", name)
        json.place(place)
    }
}
