/// A small C face of RE2 for Swift.
///
/// Patterns and texts are bytes: RE2 runs in its Latin-1 mode, so that a byte above 127 is a character like any other.
/// (In UTF-8 mode RE2 refuses to match texts that are not valid UTF-8, and a rule that denies by pattern would fail
/// open for a header with obs-text.) `.` matches every byte, line ends included, for the same reason.
///
/// A compiled pattern may be used by several threads at once. Nothing here throws, aborts on a bad pattern, or logs.

#ifndef SLUICE_CRE2_H
#define SLUICE_CRE2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A compiled pattern.
typedef struct cre2_pattern cre2_pattern;

/// Where a group matched; `start` is -1 for a group that took no part.
typedef struct {
    int32_t start;
    int32_t count;
} cre2_group;

/// What to compile, and how large the result may be.
typedef struct {
    const uint8_t *bytes;
    size_t count;
    bool ignore_case;
    /// Approximate bytes for the program and the state cache of one pattern.
    int64_t max_memory;
    /// Instructions of the program.
    int32_t max_program_size;
} cre2_source;

/// Compiles a pattern; NULL on an error, whose text (cut to fit, NUL-terminated) is put into `error`.
cre2_pattern *cre2_compile(const cre2_source *source, char *error, size_t error_capacity);

void cre2_free(cre2_pattern *pattern);

/// Capturing groups of the pattern, the whole match not counted.
int32_t cre2_group_count(const cre2_pattern *pattern);

/// The name of group `index` (1-based), or NULL. Lives as long as the pattern.
const char *cre2_group_name(const cre2_pattern *pattern, int32_t index);

int32_t cre2_program_size(const cre2_pattern *pattern);

/// Bytes with which every fully matching text begins: how many there are, of which up to `capacity` are written.
size_t cre2_literal_prefix(const cre2_pattern *pattern, uint8_t *out, size_t capacity);

/// Whether the whole text matches. `groups[0]` is the whole text, `groups[i]` group i; there may be none.
bool cre2_match_full(
    const cre2_pattern *pattern, const uint8_t *text, size_t count, cre2_group *groups, int32_t group_count
);

/// Finds the first match at or after `from`.
bool cre2_find(
    const cre2_pattern *pattern, const uint8_t *text, size_t count, size_t from, cre2_group *groups,
    int32_t group_count
);

/// Whether a substitution (`\0` to `\9`, `\\`) fits the pattern; if not, why not.
bool cre2_check_substitution(
    const cre2_pattern *pattern, const uint8_t *bytes, size_t count, char *error, size_t error_capacity
);

/// The outcome of `cre2_replace_all`.
enum {
    /// Nothing matched; nothing was written.
    CRE2_UNCHANGED = 0,
    CRE2_REPLACED = 1,
    /// The result does not fit, or there are more than `max_replacements` matches; nothing useful was written.
    CRE2_TOO_LARGE = 2,
};

typedef struct {
    const uint8_t *bytes;
    size_t count;
    /// Matches beyond this are an error: searching on after each match can take time in the square of the text.
    int32_t max_replacements;
} cre2_substitution;

/// Replaces every match, from left to right, and writes the result to `out`.
int32_t cre2_replace_all(
    const cre2_pattern *pattern, const uint8_t *text, size_t count, const cre2_substitution *substitution,
    uint8_t *out, size_t capacity, size_t *written
);

#ifdef __cplusplus
}
#endif

#endif
