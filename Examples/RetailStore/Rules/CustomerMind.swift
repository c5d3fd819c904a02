public import MeshCore
public import MeshSim

/// What a mind has decided: an action and its arguments.
public typealias Decision = (action: String, arguments: JSON)

/// A customer of coded rules: looks for what it wants, asks when somebody is near, pays, and goes.
public enum CustomerMind {
    /// Decides upon what is seen, and upon nothing else; nil: does nothing. Equal scenes and streams give equal decisions.
    public static func decide(_ scene: Scene, _ random: inout RandomStream) -> Decision? {
        let wish = wish(scene, &random)
        return wish.flatMap { scene.actions.contains($0.action) ? $0 : nil }
    }

    /// What it would like to do, allowed now or not.
    private static func wish(_ scene: Scene, _ random: inout RandomStream) -> Decision? {
        guard let own = scene.own, let here = own.text("zone") else { return nil }
        if own.integer("items") > 0 {
            return here == "checkout" ? ("purchase", [:]) : scene.step(to: "checkout")
        }
        guard let wish = own.text("wants") else {
            return scene.actions.contains("leave") ? ("leave", [:]) : scene.step(to: "entrance")
        }
        if let product = scene.seen(wish) {
            let isAffordable = product.integer("price") <= own.integer("budget")
            if isAffordable, product.integer("stock") > 0 { return ("take", ["product": .string(wish)]) }
            // Sold out or too dear: nobody can help with that. Who waits may be lucky.
            return random.chance(0.5) ? nil : scene.step(to: "entrance")
        }
        if let aisle = own.text("aisle"), aisle != here { return scene.step(to: aisle) }
        if own.text("asks") != nil, random.chance(0.8) { return nil }
        let staff = scene.entities.first { $0.text("type") == "representative" && $0.integer("busy") == 0 }
        if let staff, own.text("asks") == nil {
            return ("ask", ["representative": .string(staff.id.rawValue)])
        }
        return scene.wander(&random, avoiding: ["office", "checkout"])
    }
}

extension Scene {
    /// The seat's own entity; nil when it is not in the world any more.
    var own: Seen? { seen(viewer.rawValue) }

    func seen(_ id: String) -> Seen? { entities.first { $0.id.rawValue == id } }

    /// Where one move leads, as the sign of the own zone says.
    var exits: [String] {
        let zone = own?.text("zone")
        let sign = entities.first { $0.text("type") == "sign" && $0.text("zone") == zone }
        return sign?.text("exits")?.split(separator: ",").map(String.init) ?? []
    }

    /// A move that leads to a zone, or nearer: every aisle is next to the entrance.
    func step(to zone: String) -> Decision? {
        let exits = exits
        let next = [zone, "entrance"].first { exits.contains($0) } ?? exits.first
        return next.map { ("move", ["zone": .string($0)]) }
    }

    /// A move to a random exit.
    func wander(_ random: inout RandomStream, avoiding: [String]) -> Decision? {
        let open = exits.filter { !avoiding.contains($0) }
        return open.isEmpty ? nil : ("move", ["zone": .string(open[random.below(open.count)])])
    }
}

extension Scene.Seen {
    func text(_ name: String) -> String? { fields[name]?.stringValue }
    func integer(_ name: String) -> Int64 { fields[name]?.integerValue ?? 0 }
}
