import NIOCore
import SluiceCore
import SluiceHTTP
import SluiceTranscoding
import SluiceUpstream

/// Asks a server for the descriptors of its services, in a few calls of reflection one after the other.
///
/// Isolation: one loop. `completion` is called exactly once, with the files or with what went wrong.
final class ReflectionFetch {
    typealias Completion = (Result<[[UInt8]], ReflectionProblem>) -> Void

    /// Rounds of questions for imports; each level of imports takes one with servers that hand out single files.
    private static let roundLimit = 32
    private static let answerLimit = 16 << 20

    private let callout: Callout
    private let target: CalloutTarget
    private let services: [String]
    private let timeout: TimeAmount
    private let completion: Completion
    private var version = 0
    private var rounds = 0
    private var files = ReflectedFiles()

    /// - Parameter services: those that are wanted; all when empty.
    init(
        _ loop: LoopContext,
        _ target: CalloutTarget,
        services: [String],
        timeout: TimeAmount,
        _ completion: @escaping Completion
    ) {
        callout = Callout(loop: loop)
        self.target = target
        self.services = services
        self.timeout = timeout
        self.completion = completion
    }

    func start() {
        ask([.services]) { answers in
            guard case .services(let names)? = answers.first else { return self.fail("its services are not told") }
            let wanted = self.services.isEmpty ? names.filter { !$0.hasPrefix("grpc.reflection.") } : self.services
            guard !wanted.isEmpty else { return self.fail("it has no services") }
            self.ask(wanted.map { .symbol($0) }) { self.take($0, for: wanted) }
        }
    }

    /// The files of the services, each of which must be there.
    private func take(_ answers: [ReflectionMessage.Answer], for services: [String]) {
        for (service, answer) in zip(services, answers) {
            if case .failure(let reason) = answer { return fail("service '\(service)': \(reason)") }
        }
        takeFiles(answers)
    }

    /// Files, and what they import. What the server does not have may not be needed.
    private func takeFiles(_ answers: [ReflectionMessage.Answer]) {
        do throws(TranscodingError) {
            for case .files(let found) in answers {
                for file in found { try files.add(file) }
            }
        } catch {
            return fail(error.reason)
        }
        let missing = files.missing()
        rounds += 1
        guard !missing.isEmpty, rounds < Self.roundLimit else { return completion(.success(files.files)) }
        ask(missing.map { .file($0) }) { self.takeFiles($0) }
    }

    private func fail(_ reason: String) { completion(.failure(ReflectionProblem(text: reason))) }

    // MARK: - Calls

    /// Asks some questions in one call. Holds on to this object until the answer is there.
    private func ask(
        _ questions: [ReflectionMessage.Question],
        _ then: @escaping ([ReflectionMessage.Answer]) -> Void
    ) {
        var request = CalloutRequest("POST", target: Array(ReflectionMessage.paths[version].utf8))
        request.fields.append(.contentType, value: "application/grpc".utf8)
        request.takesTrailers = true
        request.timeout = timeout
        request.answerLimit = Self.answerLimit
        for question in questions { request.body.writeBytes(ReflectionMessage.frame(question)) }
        callout.start(request, to: target) { result in
            switch result {
            case .failure(let error): self.fail("it cannot be asked: \(error.code)")
            case .success(let answer): self.took(answer, questions, then)
            }
        }
    }

    private func took(
        _ answer: CalloutAnswer,
        _ questions: [ReflectionMessage.Question],
        _ then: @escaping ([ReflectionMessage.Answer]) -> Void
    ) {
        var answer = answer
        let status = answer.trailers.grpcStatus ?? answer.fields.grpcStatus
        if status == .unimplemented, rounds == 0, version + 1 < ReflectionMessage.paths.count {
            version += 1
            return ask(questions, then)
        }
        guard answer.status == 200, status == nil || status == .ok else {
            return fail("it answers with \(status.map { $0.name } ?? "status \(answer.status)")")
        }
        var answers: [ReflectionMessage.Answer] = []
        do throws(TranscodingError) {
            var frames = FrameReader(limit: Self.answerLimit)
            try answer.body.withUnsafeReadableBytes { (bytes) throws(TranscodingError) in
                try frames.feed(bytes) { message throws(TranscodingError) in
                    answers.append(try ReflectionMessage.answer(message))
                }
            }
        } catch {
            return fail(error.reason)
        }
        guard answers.count == questions.count else { return fail("it leaves questions unanswered") }
        then(answers)
    }
}

/// Why there are no descriptors, in words for operators.
struct ReflectionProblem: Error, Sendable {
    let text: String
}
