/// The validated domains and loops, in the order of their names.
struct FederationGraph: Sendable, Hashable {
    /// By name; so are the inputs of each.
    let domains: [FederationDomain]
    /// By their first domain; so are the domains of each.
    let loops: [DomainLoop]

    /// The maximum number of iterations of a loop.
    static let maximumIterations = 10_000
    /// The maximum lookahead, in ticks.
    static let maximumLookahead: Int64 = 1 << 32

    /// Checks declarations. Fails with what is wrong with them: a name, an input or a loop that is not valid, or a cycle of
    /// inputs with lookahead 0.
    init(_ declared: [FederationDomain], loops declaredLoops: [DomainLoop]) throws(FederationError) {
        guard declared.count <= FederationLimits.domains else {
            throw FederationError(
                .limit, "\(declared.count) domains are declared; at most \(FederationLimits.domains) make a federation")
        }
        domains = declared.map { domain in
            var domain = domain
            domain.inputs.sort { $0.domain.precedesInBytes($1.domain) }
            return domain
        }.sorted { $0.name.precedesInBytes($1.name) }
        loops = declaredLoops.map { loop in
            var loop = loop
            loop.domains.sort { $0.precedesInBytes($1) }
            return loop
        }.sorted { ($0.domains.first ?? "").precedesInBytes($1.domains.first ?? "") }
        for (domain, next) in zip(domains, domains.dropFirst()) where domain.name == next.name {
            throw FederationError(.exists, "the domain \(domain.name) is declared twice")
        }
        for domain in domains { try check(domain) }
        try checkLoops()
        if let cycle = sameTickCycle() {
            throw FederationError(
                .cycle,
                "these domains read each other in the same tick: \(cycle.joined(separator: " -> ")); give one of the "
                    + "inputs a lookahead of 1, or declare a loop of all of them")
        }
    }

    /// The place of a domain. Fails when it is not declared.
    func place(of name: String) throws(FederationError) -> Int {
        guard let place = domains.place(of: name, by: \.name) else {
            throw FederationError(.unknown, "the domain \(name) is not declared")
        }
        return place
    }

    /// The loop of a domain, when it is in one.
    func loop(of name: String) -> Int? {
        loops.firstIndex { $0.domains.place(of: name, by: \.self) != nil }
    }

    /// The ticks between a value and its reader when a tick begins. Within a loop that is 1: the values of the same tick
    /// come with its iterations.
    func entryLookahead(_ input: DomainInput, of reader: String) -> Int64 {
        guard input.lookahead == 0, let loop = loop(of: reader), loop == self.loop(of: input.domain) else {
            return input.lookahead
        }
        return 1
    }

    /// A domain and those to whom its keys may go in turn; each once.
    func heirs(of name: String) -> [String] {
        var names = [name]
        while let last = names.last, let place = domains.place(of: last, by: \.name),
            case .handOver(let heir) = domains[place].leavePolicy, !names.contains(heir)
        {
            names.append(heir)
        }
        return names
    }

    private func check(_ domain: FederationDomain) throws(FederationError) {
        try FederationLimits.checkName(domain.name)
        for (input, next) in zip(domain.inputs, domain.inputs.dropFirst()) where input.domain == next.domain {
            throw FederationError(.exists, "\(domain.name) names \(input.domain) twice among its inputs")
        }
        for input in domain.inputs {
            _ = try place(of: input.domain)
            guard input.domain != domain.name else {
                throw FederationError(.invalid, "\(domain.name) names itself as an input; its own state it has anyway")
            }
            guard (0...Self.maximumLookahead).contains(input.lookahead) else {
                throw FederationError(
                    .invalid,
                    "\(domain.name) reads \(input.domain) with a lookahead of \(input.lookahead); valid are 0 to "
                        + "\(Self.maximumLookahead)")
            }
        }
        if case .handOver(let heir) = domain.leavePolicy {
            _ = try place(of: heir)
            guard heir != domain.name else {
                throw FederationError(.invalid, "\(domain.name) cannot hand its keys over to itself")
            }
        }
    }

    private func checkLoops() throws(FederationError) {
        var seen: [String] = []
        for loop in loops {
            guard loop.domains.count >= 2 else {
                throw FederationError(.invalid, "a loop of \(loop.domains.count) domains is none; name at least 2")
            }
            guard (1...Self.maximumIterations).contains(loop.maximumIterations) else {
                throw FederationError(
                    .invalid,
                    "a loop of \(loop.maximumIterations) iterations is not valid; 1 to \(Self.maximumIterations) are")
            }
            for name in loop.domains {
                _ = try place(of: name)
                guard !seen.contains(name) else { throw FederationError(.exists, "\(name) is in loops twice") }
                seen.append(name)
            }
        }
    }

    /// A cycle of inputs with lookahead 0, closed by its first name; nil when there is none. A loop counts as one domain;
    /// a domain that may take over another's keys counts as read by those who read that one.
    private func sameTickCycle() -> [String]? {
        let loopOf = domains.map { loop(of: $0.name) }
        let nodes = domains.indices.map { place in loopOf[place].map { domains.count + $0 } ?? place }
        var sources = [[(node: Int, place: Int)]](repeating: [], count: domains.count + loops.count)
        for (place, domain) in domains.enumerated() {
            for input in domain.inputs where input.lookahead == 0 {
                for heir in heirs(of: input.domain) {
                    guard let source = domains.place(of: heir, by: \.name) else { continue }
                    if loopOf[place] != nil, nodes[source] == nodes[place] { continue }
                    sources[nodes[place]].append((nodes[source], source))
                }
            }
        }
        return Self.cycle(nodes: domains.indices.map { (nodes[$0], domains[$0].name) }, sources: sources)
    }

    /// Depth first without recursion, in the order of names.
    private static func cycle(
        nodes: [(node: Int, name: String)], sources: [[(node: Int, place: Int)]]
    ) -> [String]? {
        var isDone = [Bool](repeating: false, count: sources.count)
        for start in nodes where !isDone[start.node] {
            var path: [(node: Int, name: String, next: Int)] = [(start.node, start.name, 0)]
            while let last = path.last {
                guard last.next < sources[last.node].count else {
                    isDone[last.node] = true
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let (node, place) = sources[last.node][last.next]
                if let first = path.firstIndex(where: { $0.node == node }) {
                    return path[first...].map(\.name) + [path[first].name]
                }
                if !isDone[node] { path.append((node, nodes[place].name, 0)) }
            }
        }
        return nil
    }
}
