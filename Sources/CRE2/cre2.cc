#include "cre2.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

using re2::RE2;
using re2::StringPiece;

namespace {

/// Groups told per match, the whole match not counted; a pattern may have more.
constexpr int32_t kMaxGroups = 16;

/// Up to this size a text is matched with one capture asked for, although nobody wants it: RE2 then takes its one-pass
/// or bit-state engine instead of the DFA, whose state cache is behind a lock that all threads share. Above it the
/// DFA's linear time is worth the lock.
constexpr size_t kLockFreeText = 256;

void put_error(const std::string &text, char *error, size_t capacity) {
    if (error == nullptr || capacity == 0) return;
    const size_t count = std::min(text.size(), capacity - 1);
    std::memcpy(error, text.data(), count);
    error[count] = 0;
}

StringPiece piece(const uint8_t *bytes, size_t count) {
    return StringPiece(bytes == nullptr ? "" : reinterpret_cast<const char *>(bytes), bytes == nullptr ? 0 : count);
}

}  // namespace

struct cre2_pattern {
    RE2 expression;
    /// By index - 1; empty: the group has no name.
    std::vector<std::string> names;

    cre2_pattern(const StringPiece &text, const RE2::Options &options) : expression(text, options) {}
};

namespace {

/// RE2 gives offsets into the text as pointers; a group that took no part has none.
void put_groups(const StringPiece &text, const StringPiece *found, cre2_group *groups, int32_t count, int32_t known) {
    for (int32_t i = 0; i < count; i++) {
        if (i >= known || found[i].data() == nullptr) {
            groups[i] = {-1, 0};
            continue;
        }
        groups[i].start = static_cast<int32_t>(found[i].data() - text.data());
        groups[i].count = static_cast<int32_t>(found[i].size());
    }
}

bool match(
    const cre2_pattern *pattern, const StringPiece &text, size_t from, RE2::Anchor anchor, cre2_group *groups,
    int32_t group_count
) {
    if (text.size() > INT32_MAX || from > text.size()) return false;
    StringPiece found[kMaxGroups + 1];
    const int32_t known = 1 + std::min(cre2_group_count(pattern), kMaxGroups);
    int32_t asked = std::min(group_count, known);
    if (anchor == RE2::ANCHOR_BOTH && text.size() <= kLockFreeText) asked = std::max(asked, 2);
    if (!pattern->expression.Match(text, from, text.size(), anchor, found, asked)) return false;
    put_groups(text, found, groups, group_count, std::min(asked, known));
    return true;
}

}  // namespace

cre2_pattern *cre2_compile(const cre2_source *source, char *error, size_t error_capacity) {
    RE2::Options options;
    options.set_encoding(RE2::Options::EncodingLatin1);
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_case_sensitive(!source->ignore_case);
    options.set_max_mem(source->max_memory);

    const StringPiece given = piece(source->bytes, source->count);
    std::unique_ptr<cre2_pattern> pattern(new cre2_pattern(given, options));
    if (!pattern->expression.ok()) {
        put_error(pattern->expression.error(), error, error_capacity);
        return nullptr;
    }
    if (pattern->expression.ProgramSize() > source->max_program_size) {
        put_error("pattern too large - compile failed", error, error_capacity);
        return nullptr;
    }
    pattern->names.resize(static_cast<size_t>(pattern->expression.NumberOfCapturingGroups()));
    for (const auto &entry : pattern->expression.NamedCapturingGroups()) {
        pattern->names[static_cast<size_t>(entry.second - 1)] = entry.first;
    }
    if (!pattern->names.empty()) return pattern.release();

    // Without a group of its own a pattern gets one around it, for `kLockFreeText`. An open \Q swallows the closing
    // parenthesis: then it stays as it is.
    const std::string grouped = "(" + std::string(given.data(), given.size()) + ")";
    std::unique_ptr<cre2_pattern> wrapped(new cre2_pattern(grouped, options));
    return wrapped->expression.ok() ? wrapped.release() : pattern.release();
}

void cre2_free(cre2_pattern *pattern) { delete pattern; }

int32_t cre2_group_count(const cre2_pattern *pattern) { return static_cast<int32_t>(pattern->names.size()); }

const char *cre2_group_name(const cre2_pattern *pattern, int32_t index) {
    if (index < 1 || static_cast<size_t>(index) > pattern->names.size()) return nullptr;
    const std::string &name = pattern->names[static_cast<size_t>(index - 1)];
    return name.empty() ? nullptr : name.c_str();
}

int32_t cre2_program_size(const cre2_pattern *pattern) { return pattern->expression.ProgramSize(); }

size_t cre2_literal_prefix(const cre2_pattern *pattern, uint8_t *out, size_t capacity) {
    // All matching texts lie between the two, so they begin with what the two have in common.
    std::string low;
    std::string high;
    const int wanted = static_cast<int>(std::min<size_t>(capacity, 256));
    if (wanted == 0 || !pattern->expression.PossibleMatchRange(&low, &high, wanted)) return 0;
    const size_t most = std::min({low.size(), high.size(), capacity});
    size_t count = 0;
    while (count < most && low[count] == high[count]) count++;
    // For `/a.*` they are "/a" and "/b", where "/b" is only the bound: if it does not match itself, then all that
    // matches begins with "/a", since nothing else beginning with "/b" is below the bound.
    if (count < most && high.size() == count + 1 &&
        static_cast<uint8_t>(low[count]) + 1 == static_cast<uint8_t>(high[count]) &&
        !match(pattern, high, 0, RE2::ANCHOR_BOTH, nullptr, 0)) {
        count++;
    }
    std::memcpy(out, low.data(), count);
    return count;
}

bool cre2_match_full(
    const cre2_pattern *pattern, const uint8_t *text, size_t count, cre2_group *groups, int32_t group_count
) {
    return match(pattern, piece(text, count), 0, RE2::ANCHOR_BOTH, groups, group_count);
}

bool cre2_find(
    const cre2_pattern *pattern, const uint8_t *text, size_t count, size_t from, cre2_group *groups,
    int32_t group_count
) {
    return match(pattern, piece(text, count), from, RE2::UNANCHORED, groups, group_count);
}

bool cre2_check_substitution(
    const cre2_pattern *pattern, const uint8_t *bytes, size_t count, char *error, size_t error_capacity
) {
    const int32_t known = cre2_group_count(pattern);
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != '\\') continue;
        i++;
        if (i < count && bytes[i] == '\\') continue;
        if (i >= count || bytes[i] < '0' || bytes[i] > '9') {
            put_error("a backslash must be followed by a digit or a backslash", error, error_capacity);
            return false;
        }
        if (bytes[i] - '0' > known) {
            put_error("the pattern has only " + std::to_string(known) + " groups", error, error_capacity);
            return false;
        }
    }
    return true;
}

namespace {

/// Collects bytes up to a limit; `full` says that some did not fit.
struct Output {
    uint8_t *bytes;
    size_t capacity;
    size_t count = 0;
    bool full = false;

    void add(const char *start, size_t n) {
        if (full || n > capacity - count) {
            full = true;
            return;
        }
        if (n > 0) std::memcpy(bytes + count, start, n);
        count += n;
    }
};

void add_substitution(const cre2_substitution &substitution, const StringPiece *groups, int known, Output &out) {
    for (size_t i = 0; i < substitution.count; i++) {
        const char *byte = reinterpret_cast<const char *>(substitution.bytes) + i;
        if (*byte != '\\' || i + 1 >= substitution.count) {
            out.add(byte, 1);
            continue;
        }
        i++;
        const char next = static_cast<char>(substitution.bytes[i]);
        if (next < '0' || next > '9') {
            out.add(byte + 1, 1);
        } else if (next - '0' < known) {
            out.add(groups[next - '0'].data(), groups[next - '0'].size());
        }
    }
}

}  // namespace

int32_t cre2_replace_all(
    const cre2_pattern *pattern, const uint8_t *bytes, size_t count, const cre2_substitution *substitution,
    uint8_t *buffer, size_t capacity, size_t *written
) {
    *written = 0;
    const StringPiece text = piece(bytes, count);
    if (text.size() > INT32_MAX) return CRE2_TOO_LARGE;
    Output out{buffer, capacity};
    StringPiece found[10];
    const int asked = std::min(10, cre2_group_count(pattern) + 1);
    int32_t replaced = 0;
    size_t position = 0;
    size_t last_end = SIZE_MAX;
    while (position <= text.size() && !out.full) {
        if (!pattern->expression.Match(text, position, text.size(), RE2::UNANCHORED, found, asked)) break;
        const size_t start = static_cast<size_t>(found[0].data() - text.data());
        out.add(text.data() + position, start - position);
        if (found[0].empty() && start == last_end) {
            // An empty match right behind the last one is no match of its own: go on by one byte.
            if (start < text.size()) out.add(text.data() + start, 1);
            position = start + 1;
            continue;
        }
        if (replaced == substitution->max_replacements) return CRE2_TOO_LARGE;
        add_substitution(*substitution, found, asked, out);
        replaced++;
        position = start + found[0].size();
        last_end = position;
    }
    if (out.full) return CRE2_TOO_LARGE;
    if (replaced == 0) return CRE2_UNCHANGED;
    if (position < text.size()) out.add(text.data() + position, text.size() - position);
    if (out.full) return CRE2_TOO_LARGE;
    *written = out.count;
    return CRE2_REPLACED;
}
