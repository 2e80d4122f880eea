/// The stable names of everything that can be wrong with a configuration.
///
/// A code never changes its meaning and is never used again after it is gone. 00x are errors of files, 01x and 02x of
/// values, 03x of the whole; 1xx are warnings and remarks.
package enum DiagnosticCode: String, CaseIterable, Sendable {
    // Files
    case unreadableFile = "SL001"
    case syntax = "SL002"
    case duplicateKey = "SL003"
    case alias = "SL004"
    case tooLarge = "SL005"
    case emptyFile = "SL006"
    case tag = "SL007"
    // Values
    case wrongKind = "SL010"
    case missingField = "SL011"
    case unknownField = "SL012"
    case invalidValue = "SL013"
    case unit = "SL014"
    case outOfRange = "SL015"
    case exclusive = "SL016"
    case notAvailable = "SL017"
    case unsetVariable = "SL018"
    case unreadableReference = "SL019"
    case badReference = "SL020"
    case template = "SL021"
    case address = "SL022"
    case hostPattern = "SL023"
    case pathPattern = "SL024"
    case regex = "SL025"
    case fieldSyntax = "SL026"
    case network = "SL027"
    // The whole
    case version = "SL030"
    case duplicateName = "SL031"
    case setTwice = "SL032"
    case unknownUpstream = "SL033"
    case unknownListener = "SL034"
    case unknownFilter = "SL035"
    case repeatedFilter = "SL036"
    case addressConflict = "SL037"
    // Lint
    case unusedUpstream = "SL101"
    case shadowedRoute = "SL102"
    case noTimeout = "SL103"
    case retryWithoutBudget = "SL104"
    case zeroWeights = "SL105"
    case hashWithoutKey = "SL106"
    case retryWithoutCondition = "SL107"
    case noListener = "SL108"
    case unmatchablePath = "SL109"
    case tryTimeoutTooLong = "SL110"
    case authenticationWithoutLimit = "SL111"
    case credentialsInTheClear = "SL112"
    case identityUnknown = "SL113"
    case corsMoved = "SL114"
    case mirrorToItself = "SL115"
    case unusedConsumers = "SL116"
    case sharedByClientKinds = "SL117"
    case trustsEverybody = "SL118"

    /// The page of the documentation that has a section for each code.
    package static let page = "docs/diagnostics.md"

    /// The section of that page.
    package var anchor: String { rawValue.lowercased() }

    /// `docs/diagnostics.md#sl104`
    package var documentation: String { "\(Self.page)#\(anchor)" }

    /// One line for the list of codes in the documentation.
    package var meaning: String {
        switch self {
        case .unreadableFile: "A configuration file cannot be read, is not UTF-8 or is larger than 64 MiB."
        case .syntax: "The text is not valid YAML or JSON."
        case .duplicateKey: "A mapping holds the same key twice."
        case .alias: "A YAML alias has no anchor, or there are too many aliases."
        case .tooLarge: "A file holds too many values or nests them too deeply."
        case .emptyFile: "A file holds no configuration, or more than one document."
        case .tag: "A YAML tag has no meaning here."
        case .wrongKind: "A value is a text, list or mapping where another kind is wanted."
        case .missingField: "A required field is not there."
        case .unknownField: "A field does not exist in this place."
        case .invalidValue: "A value is not one that the field takes."
        case .unit: "A duration, size or percentage has no unit or a wrong one."
        case .outOfRange: "A number is smaller or larger than the field takes."
        case .exclusive: "Of several fields exactly one must be given, or two exclude each other."
        case .notAvailable: "The field is known but this version cannot do it."
        case .unsetVariable: "An environment variable that the file names is not set."
        case .unreadableReference: "A file named by `${file:...}` cannot be read."
        case .badReference: "A `${...}` is not of a known form."
        case .template: "A run-time template is malformed, or stands where none is allowed."
        case .address: "An address is malformed."
        case .hostPattern: "A host pattern is malformed."
        case .pathPattern: "A path, prefix or path template is malformed."
        case .regex: "A regular expression is not valid RE2."
        case .fieldSyntax:
            "A header name, header value, method or cookie name holds a byte that HTTP does not allow there."
        case .network: "A network is not of the form 10.0.0.0/8."
        case .version: "The version of the format is missing or not 1."
        case .duplicateName: "Two things of one kind have the same name."
        case .setTwice: "Two files set the same value."
        case .unknownUpstream: "A route or a filter names an upstream that does not exist."
        case .unknownListener: "A route names a listener that does not exist."
        case .unknownFilter: "A filter does not exist."
        case .repeatedFilter: "A filter that works once per request stands twice in one list."
        case .addressConflict: "Two listeners want the same address."
        case .unusedUpstream: "No route uses the upstream."
        case .shadowedRoute: "The route can never match: an earlier one takes all its requests."
        case .noTimeout: "The route forwards without a total timeout."
        case .retryWithoutBudget: "The route retries, but the upstream's budget allows no retry or has no effect."
        case .zeroWeights: "All weights are zero, so nothing can be chosen."
        case .hashWithoutKey: "The upstream balances by hash, but nothing says what is hashed."
        case .retryWithoutCondition: "The retry policy can never or hardly ever apply."
        case .noListener: "There is no listener."
        case .unmatchablePath: "No request can have this path after normalisation."
        case .tryTimeoutTooLong: "The time for one try is not shorter than the time for the whole request."
        case .authenticationWithoutLimit: "Credentials are checked, but nothing limits how many may be tried."
        case .credentialsInTheClear: "A listener that the network can reach takes credentials without TLS."
        case .identityUnknown: "A filter goes by who the caller is before any filter has found that out."
        case .corsMoved: "The filter runs ahead of authentication, though it is written behind it."
        case .mirrorToItself: "The copies go where the requests go."
        case .unusedConsumers: "Consumers are there, but no filter asks who the caller is."
        case .sharedByClientKinds: "Routes of one path tell kinds of clients apart by a header."
        case .trustsEverybody: "Every client may say what its address is."
        }
    }
}
