#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "libs/auth/token_mint.hpp"
#include "libs/operations/backup_copy.hpp"
#include "libs/rpc/gate.hpp"

namespace swarm::operations {

/// A service's access table with the rows of Operations.
auth::AccessTable with_operations(auth::AccessTable table);

struct Parts {
  rpc::Gate& gate;
  std::unique_ptr<auth::TokenMint> mint;  // null: there is no signing key
  std::string service;                    // its name, e.g. "orchestrator-core"
  std::filesystem::path data_dir;
  std::vector<BackupSource> sources;      // whose stores outlive the service
  const Clock& clock;
};

/// Operations on one port. Removes what an interrupted backup left. Destroy it after the server stopped, before the stores.
std::unique_ptr<grpc::Service> make_operations(Parts parts);
/// The name under which it is served.
std::string operations_name();

}  // namespace swarm::operations
