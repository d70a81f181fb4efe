#pragma once

#include <filesystem>
#include <string_view>

#include "libs/base/error.hpp"

namespace swarm::lmdb {

/// LMDB's and the system's return codes in the caller's terms: what was being done, where, why it failed, the remedy.
Error mdb_error(int code, std::string_view doing, const std::filesystem::path& directory);

}  // namespace swarm::lmdb
