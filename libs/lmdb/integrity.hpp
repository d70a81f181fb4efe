#pragma once

#include <filesystem>

#include "libs/base/result.hpp"

namespace swarm::lmdb {

/// Walks every table of a directory that nobody has open, in a child process: LMDB trusts its pages, so a torn one may
/// be a SIGSEGV or SIGBUS, which here becomes DataLoss with the remedy. Call it before threads exist.
Result<void> verify_in_child(const std::filesystem::path& directory);

/// The walk itself, in this process.
Result<void> verify(const std::filesystem::path& directory);

}  // namespace swarm::lmdb
