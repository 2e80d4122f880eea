import NIOCore
import SluiceCore
import SluiceTranscoding
import SluiceUpstream

/// The transcoder that a filter uses at the moment. Isolation: one loop, after it was made on another thread.
final class TranscoderBox {
    var transcoder: Transcoder?
    init(_ transcoder: Transcoder?) { self.transcoder = transcoder }
}

/// Keeps the transcoder of one filter up to date with what its server tells, and asks the server when it is time to.
///
/// Isolation: one loop, after it was made on another thread. Ends when the filter is gone.
// SAFETY: made on one thread and handed to its loop once; only the loop touches it from then on.
final class LoopReflection: TimerNode, @unchecked Sendable {
    private static let ticks = TimerWheel.ticks(nanoseconds: 500_000_000)

    private let loop: LoopContext
    private let source: ReflectedDescriptors
    private let settings: ReflectionSettings
    private let choice: Transcoder.Choice
    private let options: TranscodingOptions
    private let background: any BackgroundServices
    private let target: CalloutTarget
    private weak var box: TranscoderBox?
    private var generation: Int

    /// Makes the box, filled if the server was asked before.
    static func begin(
        _ configuration: GRPCJSONConfiguration,
        _ settings: ReflectionSettings,
        _ resources: FilterResources
    ) -> TranscoderBox {
        let background = resources.background
        let services = configuration.choice.services.joined(separator: ",")
        let key = "grpc reflection \(settings.upstream) \(settings.refresh.nanoseconds) \(services)"
        let source = resources.shared(key) {
            ReflectedDescriptors(settings.upstream, refresh: settings.refresh, background)
        }
        let generation = source.generation
        let box = TranscoderBox(
            source.pool.flatMap { build($0, configuration.choice, configuration.options, source) }
        )
        let node = LoopReflection(configuration, settings, source, resources, box, generation)
        resources.loop.loop.execute { node.deadlineReached() }
        return box
    }

    private init(
        _ configuration: GRPCJSONConfiguration,
        _ settings: ReflectionSettings,
        _ source: ReflectedDescriptors,
        _ resources: FilterResources,
        _ box: TranscoderBox,
        _ generation: Int
    ) {
        loop = resources.loop
        self.source = source
        self.settings = settings
        choice = configuration.choice
        options = configuration.options
        background = resources.background
        target = resources.upstream(settings.upstream)
        self.box = box
        self.generation = generation
        super.init()
    }

    /// An own copy for the loop; nil, and said so, when the bindings are unsound.
    private static func build(
        _ pool: DescriptorPool,
        _ choice: Transcoder.Choice,
        _ options: TranscodingOptions,
        _ source: ReflectedDescriptors
    ) -> Transcoder? {
        do throws(DescriptorError) {
            return try Transcoder(pool: pool, choice: choice, options: options).copy()
        } catch {
            source.report(error.problems.first ?? "its bindings are unsound")
            return nil
        }
    }

    override func deadlineReached() {
        guard box != nil else { return }
        loop.wheel.arm(self, in: Self.ticks)
        if source.generation != generation { update() }
        guard target.upstream != nil, source.claim(now: loop.now.uptimeNanoseconds) else { return }
        let fetch = ReflectionFetch(loop, target, services: choice.services, timeout: settings.timeout) {
            [self] result in
            source.fetched(result, now: loop.now.uptimeNanoseconds)
        }
        fetch.start()
    }

    /// Compiles the new set on another thread, and then uses it.
    private func update() {
        generation = source.generation
        guard let pool = source.pool else { return }
        let (choice, options, source, loop) = (choice, options, source, loop.loop)
        background.loop.execute {
            guard let transcoder = Self.build(pool, choice, options, source) else { return }
            loop.execute { self.box?.transcoder = transcoder }
        }
    }
}
