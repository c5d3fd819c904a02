public import MeshSim

/// The store as three domains that run apart and read each other's last tick.
///
/// Nothing is shared: what one wants of another it asks for, and the answer comes two ticks later.
///
///     tick n      the floor exports a request: customer-4 would like a radio
///     tick n + 1  the inventory has read it, takes a radio from the shelf or not, and exports the answer
///     tick n + 2  the floor has read the answer: the radio is in the basket
///     tick n + 3  the inventory sees that the request is gone, and forgets the answer
///
/// A request stays exported until it is answered, an answer until its request is gone: a tick in which nothing can be read
/// loses nothing, and one in which the same is read again does nothing twice.
public enum RetailFederation {
    /// The name of the domain with the customers.
    public static let floor = "floor"
    /// The name of the domain with the shelves.
    public static let inventory = "inventory"
    /// The name of the domain with the tills.
    public static let queue = "queue"

    /// The three, as a federation declares them. When one leaves, its last values stay: nobody is answered by it any more,
    /// and nothing is answered by another.
    public static let domains = [
        FederationDomain(floor, inputs: [DomainInput(inventory), DomainInput(queue)]),
        FederationDomain(inventory, inputs: [DomainInput(floor)]),
        FederationDomain(queue, inputs: [DomainInput(floor)]),
    ]
}
