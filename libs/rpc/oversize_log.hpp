#pragma once

namespace swarm::rpc {

/// A message over the size limit is refused by gRPC before a handler or an interceptor hears of its call. oversize_log.cpp
/// stands, in the manner of chttp2_filter, before the function of libgrpc that gives such an error its status, and
/// writes one line for each, at most 20 a second. Which call and which peer it was is not known there.
///
/// False when the library's function has not been replaced, e.g. with another gRPC: then no line is written.
bool oversize_log_active();

}  // namespace swarm::rpc
