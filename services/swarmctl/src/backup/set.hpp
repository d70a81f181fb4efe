#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "backup/manifest.hpp"

namespace swarm::ctl {

/// The backups of several services that were made one after the other, each begun when the one before was whole: `set.json` beside
/// their folders, written last. In this order nothing that an earlier one knows is missing in a later one: what an agent was
/// told by the orchestrator, the analyst's later copy has heard of, and the gateway's, the last, has paid for.
struct BackupSet {
  static constexpr std::int64_t kFormat = 1;

  struct Member {
    std::string folder;           // below the set's directory, which is the program's name
    std::string manifest_sha256;  // so that nobody puts another time's backup in its place
  };
  std::vector<Member> members;    // in the order of their making
};

/// True when the directory holds `set.json`.
bool is_backup_set(const std::filesystem::path& directory);
/// Of the whole backups in these folders. Durable when it returns.
Result<BackupSet> write_backup_set(const std::filesystem::path& directory, const std::vector<std::string>& folders);

struct CheckedMember {
  std::filesystem::path folder;
  Manifest manifest;
};
/// Every file of every member. DataLoss: a member is missing, was exchanged or is not what it was, or was made before the one that it
/// must follow. FailedPrecondition: of a newer format.
Result<std::vector<CheckedMember>> check_backup_set(const std::filesystem::path& directory);
/// Into `parent`/<program>, each as restore_backup does. Nothing is written unless all of the set is sound and every target is free.
Result<std::vector<CheckedMember>> restore_backup_set(const std::filesystem::path& directory, const std::filesystem::path& parent);

}  // namespace swarm::ctl
