import MeshCore
public import MeshSim

/// A representative of coded rules: helps whoever asks, fills shelves, and goes where help is wanted.
public enum RepresentativeMind {
    /// Decides upon what is seen, and upon nothing else; nil: does nothing. Equal scenes and streams give equal decisions.
    public static func decide(_ scene: Scene, _ random: inout RandomStream) -> Decision? {
        guard let own = scene.own, let here = own.text("zone"), own.integer("busy") == 0 else { return nil }
        let asking = scene.entities.filter { $0.text("type") == "customer" && $0.text("asks") != nil }
        let near = asking.filter { $0.text("zone") == here }
        // The least patient first; of equal ones the first by name.
        if let customer = near.min(by: { $0.integer("patience") < $1.integer("patience") }) {
            return ("help", ["customer": .string(customer.id.rawValue)])
        }
        let low = scene.entities.filter { $0.text("type") == "product" && $0.integer("stock") < 3 }
        if let product = low.first(where: { $0.text("zone") == here }) {
            return ("restock", ["product": .string(product.id.rawValue), "count": 10])
        }
        let exits = scene.exits
        let wanted = (asking + low).compactMap { $0.text("zone") }.first { exits.contains($0) }
        if let wanted { return ("move", ["zone": .string(wanted)]) }
        return random.chance(0.1) ? scene.wander(&random, avoiding: ["office", "checkout"]) : nil
    }
}

/// A manager of coded rules: fills empty shelves, makes scarce things dearer and plentiful ones cheaper.
public enum ManagerMind {
    /// Decides upon what is seen, and upon nothing else; nil: does nothing. Equal scenes and streams give equal decisions.
    public static func decide(_ scene: Scene, _ random: inout RandomStream) -> Decision? {
        guard scene.own != nil else { return nil }
        let products = scene.entities.filter { $0.text("type") == "product" }
        if let empty = products.first(where: { $0.integer("stock") == 0 }) {
            return ("restock", ["product": .string(empty.id.rawValue), "count": 20])
        }
        let queue = scene.entities.count { $0.text("zone") == "checkout" && $0.integer("items") > 0 }
        if queue > 5, random.chance(0.1) {
            return ("announce", ["text": "Please be patient: we serve you as quickly as we can."])
        }
        guard !products.isEmpty, random.chance(0.2) else { return nil }
        let product = products[random.below(products.count)]
        let (price, stock) = (product.integer("price"), product.integer("stock"))
        // A twentieth, but at least a cent.
        let step = max(1, price / 20)
        guard stock < 5 || (stock > 20 && price > step) else { return nil }
        let next = stock < 5 ? min(1_000_000_000, price + step) : price - step
        return ("set_price", ["product": .string(product.id.rawValue), "price": .integer(next)])
    }
}
