#include "libs/rpc/unreadable.hpp"

#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <string>

namespace swarm::rpc {
namespace {

constexpr int kMark = (1 << 29) - 1;  // the largest field number that there is

}  // namespace

void mark_unread(google::protobuf::Message& message) {
  auto& unknown = *message.GetReflection()->MutableUnknownFields(&message);
  unknown.Clear();
  unknown.AddVarint(kMark, 1);
}

bool is_unreadable(const google::protobuf::Message& message) {
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  return unknown.empty() || unknown.field(0).number() != kMark;
}

Error unreadable(std::string_view method) {
  return {Code::InvalidArgument,
          "the request is not the message that " + std::string(method) + " takes: compare the protos of both sides"};
}

}  // namespace swarm::rpc
