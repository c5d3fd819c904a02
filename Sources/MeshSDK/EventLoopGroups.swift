public import NIOCore
import NIOPosix

/// The event loops of clients that bring none.
public enum MeshEventLoops {
    /// The process's own loops, as many as it has cores: made when first needed, and never ended.
    public static var shared: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }
}
