#pragma once

#include <string_view>

#include "libs/base/error.hpp"

namespace google::protobuf {
class Message;
}

namespace swarm::rpc {

/// gRPC's callback API ends a read of a stream alike, with ok == false, when the client has sent its last message and when
/// bytes came that are no message of the type. Only the second touches the message that was to be filled. So the message
/// is marked before each StartRead with a field that no type of ours has, which parsing takes away.
void mark_unread(google::protobuf::Message& message);
/// In OnReadDone(false): bytes came that were no message.
bool is_unreadable(const google::protobuf::Message& message);

/// InvalidArgument: what such a call is answered with.
Error unreadable(std::string_view method);

}  // namespace swarm::rpc
