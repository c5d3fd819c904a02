extension World {
    /// Links two entities, or changes the weight of their link. Fails with `unknownNetwork`, `unknownEntity`,
    /// `selfLink`, `outOfRange` for a weight that is not finite, or `limit`.
    public mutating func link(
        _ from: EntityID, _ to: EntityID, in network: String, weight: Double = 1
    ) throws(WorldError) {
        let place = try place(ofNetwork: network)
        let (one, other) = (try slot(of: from), try slot(of: to))
        guard one != other else {
            throw WorldError(.selfLink, "\(WorldError.short(from.rawValue)) cannot be linked with itself")
        }
        guard weight.isFinite else { throw WorldError(.outOfRange, "a weight is a finite number, not \(weight)") }
        let old = networks[place].weight(one, other)
        guard old != nil || networks[place].count < networks[place].shape.limit else {
            throw WorldError(.limit, "\(network) has \(networks[place].shape.limit) links already: unlink some first")
        }
        let new = weight + 0
        journal?.add(.link(network, from, to, old: old, new: new))
        networks[place].set(one, other, new)
    }

    /// Removes a link. Fails with `unknownNetwork`, `unknownEntity` or `notLinked`.
    public mutating func unlink(_ from: EntityID, _ to: EntityID, in network: String) throws(WorldError) {
        let place = try place(ofNetwork: network)
        let (one, other) = (try slot(of: from), try slot(of: to))
        let old = networks[place].weight(one, other)
        guard networks[place].remove(one, other) else {
            throw WorldError(
                .notLinked,
                "\(WorldError.short(from.rawValue)) is not linked with \(WorldError.short(to.rawValue)) in \(network)")
        }
        journal?.add(.link(network, from, to, old: old, new: nil))
    }

    private func place(ofNetwork name: String) throws(WorldError) -> Int {
        guard let place = schema.place(ofNetwork: name) else {
            throw WorldError(
                .unknownNetwork,
                "there is no network \(WorldError.short(name)); \(WorldError.list(schema.networks.map(\.name)))")
        }
        return place
    }

    /// Returns the targets of an entity's links, sorted by bytes; in an undirected network all linked entities.
    public func neighbours(of id: EntityID, in network: String) -> [EntityID] {
        guard let place = schema.place(ofNetwork: network), let slot = slots.slot(of: id) else { return [] }
        return slots.sortedIDs(networks[place].neighbours(of: slot))
    }

    /// Returns the sources of links to an entity, sorted by bytes; in an undirected network the same as `neighbours`.
    public func sources(of id: EntityID, in network: String) -> [EntityID] {
        guard let place = schema.place(ofNetwork: network), let slot = slots.slot(of: id) else { return [] }
        return slots.sortedIDs(networks[place].sources(of: slot))
    }

    /// The number of links from an entity.
    public func degree(of id: EntityID, in network: String) -> Int {
        guard let place = schema.place(ofNetwork: network), let slot = slots.slot(of: id) else { return 0 }
        return networks[place].neighbours(of: slot).count
    }

    /// Returns the weight of a link; nil when there is none.
    public func weight(_ from: EntityID, _ to: EntityID, in network: String) -> Double? {
        guard let place = schema.place(ofNetwork: network), let one = slots.slot(of: from),
            let other = slots.slot(of: to)
        else { return nil }
        return networks[place].weight(one, other)
    }

    /// The number of links in a network.
    public func linkCount(in network: String) -> Int {
        schema.place(ofNetwork: network).map { networks[$0].count } ?? 0
    }
}
