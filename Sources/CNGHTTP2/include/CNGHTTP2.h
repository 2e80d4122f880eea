/// nghttp2 for Swift: HTTP/2 framing, HPACK, flow control.
///
/// Beside the library itself only what Swift cannot say well: reading the members of the frame union in place.

#ifndef SLUICE_CNGHTTP2_H
#define SLUICE_CNGHTTP2_H

#include <nghttp2/nghttp2.h>
#include <string.h>

// The header that every frame begins with.
static inline const nghttp2_frame_hd *sluice_h2_head(const nghttp2_frame *frame) { return &frame->hd; }

// What a HEADERS frame begins: a request, a response, or anything later on the stream.
static inline nghttp2_headers_category sluice_h2_category(const nghttp2_frame *frame) { return frame->headers.cat; }

// The stream that a HEADERS frame says to depend on; 0 when it says nothing.
static inline int32_t sluice_h2_parent(const nghttp2_frame *frame) {
    return frame->hd.flags & NGHTTP2_FLAG_PRIORITY ? frame->headers.pri_spec.stream_id : 0;
}

// How much of a DATA frame's payload is padding, its length byte included.
static inline size_t sluice_h2_padding(const nghttp2_frame *frame) { return frame->data.padlen; }

// The error code of a RST_STREAM frame.
static inline uint32_t sluice_h2_reset_code(const nghttp2_frame *frame) { return frame->rst_stream.error_code; }

// The error code of a GOAWAY frame.
static inline uint32_t sluice_h2_goaway_code(const nghttp2_frame *frame) { return frame->goaway.error_code; }

// The last stream that the sender of a GOAWAY frame has or may have worked on.
static inline int32_t sluice_h2_goaway_last(const nghttp2_frame *frame) { return frame->goaway.last_stream_id; }

// The eight bytes of a PING frame, as they are in memory.
static inline uint64_t sluice_h2_ping_payload(const nghttp2_frame *frame) {
    uint64_t payload;
    memcpy(&payload, frame->ping.opaque_data, sizeof payload);
    return payload;
}

#endif
