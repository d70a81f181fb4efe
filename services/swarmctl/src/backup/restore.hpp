#pragma once

#include <filesystem>

#include "backup/manifest.hpp"

namespace swarm::ctl {

/// Every file of a backup against its manifest: DataLoss names the first that is missing or not what it was.
Result<Manifest> check_backup(const std::filesystem::path& backup);

/// Puts a backup into a data directory, of a service that does not run. The directory must be absent or empty, or hold what an
/// interrupted restore left (it is marked by a file `restoring`). The files `identity` come last: until then the service
/// refuses the directory. FailedPrecondition when there is data.
Result<Manifest> restore_backup(const std::filesystem::path& backup, const std::filesystem::path& data_dir);

}  // namespace swarm::ctl
