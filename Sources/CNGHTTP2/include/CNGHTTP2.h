/// nghttp2 for Swift: HTTP/2 framing, HPACK, flow control. Nothing is added.

#ifndef SLUICE_CNGHTTP2_H
#define SLUICE_CNGHTTP2_H

#include <nghttp2/nghttp2.h>

#endif
