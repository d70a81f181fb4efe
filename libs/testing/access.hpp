#pragma once

#include <catch2/catch.hpp>
#include <google/protobuf/descriptor.h>

#include <initializer_list>
#include <string>

#include "libs/auth/access.hpp"

namespace swarm::testing {

/// Fails the test unless exactly the RPCs of these services stand in the table: one that is forgotten would be refused to
/// everybody, one too many says that an RPC is protected that nobody serves.
inline void check_access(const auth::AccessTable& table,
                         std::initializer_list<const google::protobuf::ServiceDescriptor*> services) {
  std::size_t methods = 0;
  for (const auto* service : services) {
    REQUIRE(service != nullptr);
    for (int i = 0; i < service->method_count(); ++i) {
      const auto name = "/" + service->full_name() + "/" + service->method(i)->name();
      INFO(name);
      CHECK(table.contains(name));
      ++methods;
    }
  }
  CHECK(table.size() == methods);
}

}  // namespace swarm::testing
