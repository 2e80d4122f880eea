internal import SluiceCore

extension Matcher {
    /// Tells what the variables or groups of the route that won have taken.
    func capture(_ route: RouteRecord, _ captures: inout Captures) {
        if route.captureCount > 0 {
            captureSegments(route, &captures)
        } else if route.pathCheck == .regex {
            captureGroups(route, &captures)
        }
    }

    /// `numbers` says which segments are variables, in ascending order.
    private func captureSegments(_ route: RouteRecord, _ captures: inout Captures) {
        var position = 0
        var segment: UInt32 = 0
        var next: UInt32 = 0
        while position < path.count, next < UInt32(route.captureCount) {
            let start = position + 1
            position = start
            if segment == table.pointee.numbers[route.captureStart + next] {
                next += 1
                if next == UInt32(route.captureCount), route.capturesRest {
                    position = path.count
                } else {
                    position = segmentEnd(from: start)
                }
                captures.append(ByteRange(start: pathStart + start, count: position - start))
            } else {
                position = segmentEnd(from: start)
            }
            segment += 1
        }
    }

    private func segmentEnd(from start: Int) -> Int {
        var i = start
        while i < path.count, path[i] != UInt8(ascii: "/") { i += 1 }
        return i
    }

    private func captureGroups(_ route: RouteRecord, _ captures: inout Captures) {
        var groups = RegularExpression.Groups()
        guard table.pointee.regexes[route.regex].matches(path, groups: &groups) else { return }
        for index in 1..<max(1, groups.count) {
            let range = groups[index].map { ByteRange(start: pathStart + Int($0.start), count: Int($0.count)) }
            captures.append(range ?? .empty)
        }
    }
}
