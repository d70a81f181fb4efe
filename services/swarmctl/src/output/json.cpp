#include "output/json.hpp"

#include <google/protobuf/util/json_util.h>

#include "libs/base/check.hpp"

namespace swarm::ctl {

std::string to_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string out;
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  SWARM_CHECK(status.ok(), status.ToString());
  return out;
}

}  // namespace swarm::ctl
