#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace swarm::ctl {

/// Protobuf JSON in one line: the field names of the protos, enumerators by name, empty fields included, so that scripts
/// can rely on every key.
std::string to_json(const google::protobuf::Message& message);

}  // namespace swarm::ctl
