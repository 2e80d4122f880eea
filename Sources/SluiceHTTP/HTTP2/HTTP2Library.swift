import CNGHTTP2
import Glibc
import SluiceCore

/// The HTTP/2 library as it was built, and how sessions of it are set up.
package enum HTTP2Library {
    /// Its version, for example `1.52.0`.
    package static var version: String { nghttp2_version(0).map { String(cString: $0.pointee.version_str) } ?? "?" }

    /// A session with our callbacks and options; nil when memory runs out. `memory` must outlive it.
    static func session(_ role: HTTP2Role, _ settings: HTTP2Settings, _ memory: LoopMemory) -> OpaquePointer? {
        var callbacks: OpaquePointer?
        var options: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        nghttp2_option_new(&options)
        // Both are copied into the session.
        defer {
            nghttp2_session_callbacks_del(callbacks)
            nghttp2_option_del(options)
        }
        guard let callbacks, let options else { return nil }
        HTTP2Callbacks.install(in: callbacks)
        set(options, settings)
        var session: OpaquePointer?
        var allocator = allocator(memory)
        switch role {
        case .server: nghttp2_session_server_new3(&session, callbacks, nil, options, &allocator)
        case .client: nghttp2_session_client_new3(&session, callbacks, nil, options, &allocator)
        }
        return session
    }

    /// Streams, frames and header blocks come and go with each request: their blocks stay with the loop.
    private static func allocator(_ memory: LoopMemory) -> nghttp2_mem {
        nghttp2_mem(
            // SAFETY: unretained; whoever asked for the session keeps it.
            mem_user_data: Unmanaged.passUnretained(memory).toOpaque(),
            malloc: { size, memory in
                guard let memory else { return nil }
                // SAFETY: as above.
                return Unmanaged<LoopMemory>.fromOpaque(memory)._withUnsafeGuaranteedRef { $0.takeBlock(size) }
            },
            free: { block, memory in
                guard let memory, let block else { return }
                // SAFETY: as above.
                Unmanaged<LoopMemory>.fromOpaque(memory)._withUnsafeGuaranteedRef { $0.giveBack(block: block) }
            },
            calloc: { count, size, _ in calloc(count, size) },
            realloc: { block, size, _ in realloc(block, size) }
        )
    }

    private static func set(_ options: OpaquePointer, _ settings: HTTP2Settings) {
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_closed_streams(options, 1)
        nghttp2_option_set_max_deflate_dynamic_table_size(options, Int(min(settings.headerTableSize, 4096)))
        // As large as any head that the gateway can have; the default is 64 KiB.
        nghttp2_option_set_max_send_header_block_length(options, 4 * 1024 * 1024)
        nghttp2_option_set_max_outbound_ack(options, max(1, settings.floods.pendingFrames / 2))
        nghttp2_option_set_max_settings(options, max(1, settings.floods.settingsEntries))
        // Only a second line: the library counts a frame anew for each piece that its header comes in.
        nghttp2_option_set_max_continuations(options, 10 * (max(1, settings.floods.continuations) + 1))
        // Resets are counted by `HTTP2FloodGuard`, by the caller's clock; the library's own count must not interfere.
        nghttp2_option_set_stream_reset_rate_limit(options, UInt64(Int32.max), UInt64(Int32.max))
    }

    /// Submits our SETTINGS and opens the connection's window.
    static func begin(_ session: OpaquePointer, _ role: HTTP2Role, _ settings: HTTP2Settings) -> Bool {
        var entries = [
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(max(0, settings.streamWindow))),
            entry(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, min(max(settings.maxFrameSize, 16_384), 16_777_215)),
            entry(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, settings.headerTableSize),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize),
        ]
        switch role {
        case .client: entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        case .server:
            entries.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams))
            // The tree of dependencies is never built (RFC 9218, section 2.1); streams take turns.
            entries.append(entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
            if settings.enableConnectProtocol { entries.append(entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1)) }
        }
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        guard nghttp2_submit_settings(session, flags, entries, entries.count) == 0 else { return false }
        return nghttp2_session_set_local_window_size(session, flags, 0, max(65_535, settings.connectionWindow)) == 0
    }

    private static func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }
}
