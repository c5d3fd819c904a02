import MeshCore
import NIOCore

/// The HTTP part of a connection.
extension GatewayConnection {
    /// Processes the input as far as possible: at most to the end of one request.
    func advance(_ context: ChannelHandlerContext) {
        while case .reading = mode {
            switch parser.next(&input) {
            case .needsMore:
                if parser.isInside { startRequestTimer(context) }
                forgetRead()
                if isInputClosed { context.close(promise: nil) }
                return
            case .failed(let rejection):
                observer.refused(.badRequest)
                return reject(rejection, context)
            case .head(let head): begin(head, context)
            case .body(let body): call(body, context)
            }
        }
    }

    /// Releases the input that was read: otherwise it would grow with everything received.
    private func forgetRead() {
        if input.readableBytes > 0 {
            input.discardReadBytes()
        } else if input.capacity > 16_384 {
            input = ByteBuffer()
        } else {
            input.clear()
        }
    }

    /// Checks a head before its body is waited for.
    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.head = head
        if let refusal = rules?.refusal(of: head) { return reject(refusal, context) }
        guard let path = RequestRules.decodedPath(head.rawPath) else {
            return reject(
                .badRequest(
                    "The path holds a broken percent code.", hint: "Encode the path as UTF-8, without NUL."), context)
        }
        self.path = path
        if path == RequestRules.webSocketPath {
            switch rules?.upgradeKey(head) {
            case .success(let key):
                self.head = nil
                return upgrade(key: key, context)
            case .failure(let rejection): return reject(rejection, context)
            case nil: return context.close(promise: nil)
            }
        }
        if head.isUpgrade {
            return reject(
                HTTPRejection(
                    status: 404, code: "not_found", message: "There is no WebSocket on this path.",
                    hint: "Open \(RequestRules.webSocketPath)."), context)
        }
        guard takeRoom(forBody: head.framing) else {
            observer.refused(.bodyMemory)
            return reject(.overloaded, context)
        }
        if head.expectsContinue, input.readableBytes == 0 {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        }
        startRequestTimer(context)
    }

    private func call(_ body: [UInt8], _ context: ChannelHandlerContext) {
        guard let head else { return }
        mode = .answering
        cancelTimer()
        if input.readableBytes > configuration.maxHeaderBytes { setReading(false, context) }
        let call = HTTPCall(
            method: head.method, path: path, rawPath: head.rawPath, query: head.query, headers: head.headers,
            body: body,
            isLoopback: isLoopback, remoteAddress: remoteAddress)
        let answer = responder.respond(to: call, on: context.eventLoop).hop(to: context.eventLoop)
        answer.assumeIsolated().whenComplete { [self] result in
            giveBodyBack()
            guard context.channel.isActive else { return }
            switch result {
            case .success(let answer): send(answer, keepAlive: head.keepAlive, context)
            case .failure: send(HTTPRejection.failed.answer, keepAlive: head.keepAlive, context)
            }
        }
    }

    /// Refuses the request that is being read. The rest of the input has no meaning then, so the connection ends.
    func reject(_ rejection: HTTPRejection, _ context: ChannelHandlerContext) {
        giveBodyBack()
        mode = .answering
        send(rejection.answer, keepAlive: false, context)
    }

    private func send(_ answer: HTTPAnswer, keepAlive: Bool, _ context: ChannelHandlerContext) {
        // Requests that came before the peer closed its side are still answered.
        let goesOn = keepAlive && !isStopping && !(isInputClosed && input.readableBytes == 0)
        var buffer = context.channel.allocator.buffer(capacity: answer.body.count + 256)
        HTTPAnswerWriter.append(answer, keepAlive: goesOn, bodiless: head?.method == "HEAD", to: &buffer)
        head = nil
        // The wait for a peer that does not read its answer is limited.
        setTimer(.seconds(Int64(configuration.idleSeconds)), context) { $0.close(promise: nil) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self, lease = answer.lease] result in
            withExtendedLifetime(lease) {}
            guard case .success = result else { return context.close(promise: nil) }
            goesOn && !isStopping ? continueReading(context) : linger(context)
        }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: promise)
    }

    private func continueReading(_ context: ChannelHandlerContext) {
        mode = .reading
        setTimer(.seconds(Int64(configuration.idleSeconds)), context) { $0.close(promise: nil) }
        setReading(true, context)
        // Not from here: a long pipeline would be answered in ever deeper calls.
        context.eventLoop.assumeIsolated().execute { [self] in
            if context.channel.isActive { advance(context) }
        }
    }
}
