#include "backup/set.hpp"

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "backup/restore.hpp"
#include "libs/base/sha256.hpp"

namespace swarm::ctl {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kName = "set.json";

Result<std::string> text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return Error{Code::DataLoss, "can't read " + path.string()};
  return text.str();
}

Result<std::string> manifest_hash(const fs::path& backup) {
  BOOST_OUTCOME_TRY(const auto text, text_of(backup / "manifest.json"));
  return sha256_hex(text);
}

Result<BackupSet> read_backup_set(const fs::path& directory) {
  const auto path = directory / kName;
  BOOST_OUTCOME_TRY(const auto text, text_of(path));
  try {
    const auto all = boost::json::parse(text).as_object();
    const auto format = all.at("format").to_number<std::int64_t>();
    if (format > BackupSet::kFormat) {
      return Error{Code::FailedPrecondition, path.string() + " is of format " + std::to_string(format) + ", newer than this program knows; use a newer swarmctl"};
    }
    BackupSet set;
    for (const auto& member : all.at("members").as_array()) {
      const auto& object = member.as_object();
      set.members.push_back({std::string(object.at("folder").as_string()), std::string(object.at("manifest_sha256").as_string())});
      if (!stays_below(set.members.back().folder)) return Error{Code::DataLoss, path.string() + " names a path outside of the set"};
    }
    return set;
  } catch (const std::exception& error) {
    return Error{Code::DataLoss, path.string() + " is malformed: " + error.what()};
  }
}

/// Whether restore_backup would take it.
Result<void> check_free(const fs::path& target) {
  std::error_code ignored;
  if (!fs::exists(target, ignored) || fs::exists(target / "restoring", ignored)) return outcome::success();
  for (const auto& entry : fs::directory_iterator(target, ignored)) {
    if (entry.path().filename() != "lost+found") {
      return Error{Code::FailedPrecondition, target.string() + " is not empty; stop the service, move its data away, and try again"};
    }
  }
  return outcome::success();
}

}  // namespace

bool is_backup_set(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_regular_file(directory / kName, ignored);
}

Result<BackupSet> write_backup_set(const fs::path& directory, const std::vector<std::string>& folders) {
  BackupSet set;
  boost::json::array members;
  for (const auto& folder : folders) {
    BOOST_OUTCOME_TRY(auto hash, manifest_hash(directory / folder));
    members.push_back({{"folder", folder}, {"manifest_sha256", hash}});
    set.members.push_back({folder, std::move(hash)});
  }
  const auto fresh = directory / (std::string(kName) + ".new");
  {
    std::ofstream out(fresh, std::ios::binary);
    out << boost::json::serialize(boost::json::object{{"format", BackupSet::kFormat}, {"members", std::move(members)}}) << '\n';
    if (!out.flush()) return Error{Code::ResourceExhausted, "can't write " + fresh.string()};
  }
  BOOST_OUTCOME_TRYV(sync_path(fresh));
  std::error_code failed;
  fs::rename(fresh, directory / kName, failed);
  if (failed) return Error{Code::Internal, "can't rename " + fresh.string() + ": " + failed.message()};
  BOOST_OUTCOME_TRYV(sync_path(directory));
  return set;
}

Result<std::vector<CheckedMember>> check_backup_set(const fs::path& directory) {
  BOOST_OUTCOME_TRY(const auto set, read_backup_set(directory));
  std::vector<CheckedMember> checked;
  for (const auto& member : set.members) {
    const auto folder = directory / member.folder;
    BOOST_OUTCOME_TRY(const auto hash, manifest_hash(folder));
    if (hash != member.manifest_sha256) return Error{Code::DataLoss, folder.string() + " is not the backup that this set was made with"};
    BOOST_OUTCOME_TRY(auto manifest, check_backup(folder));
    if (!checked.empty() && manifest.made_unix_ms < checked.back().manifest.made_unix_ms) {
      return Error{Code::DataLoss, folder.string() + " was made before " + checked.back().folder.string() + ", which it must follow"};
    }
    checked.push_back({folder, std::move(manifest)});
  }
  return checked;
}

Result<std::vector<CheckedMember>> restore_backup_set(const fs::path& directory, const fs::path& parent) {
  BOOST_OUTCOME_TRY(auto checked, check_backup_set(directory));
  for (const auto& member : checked) {
    BOOST_OUTCOME_TRYV(check_free(parent / member.folder.filename()));
  }
  for (auto& member : checked) {
    BOOST_OUTCOME_TRYV(restore_backup(member.folder, parent / member.folder.filename()));
    member.folder = parent / member.folder.filename();
  }
  return checked;
}

}  // namespace swarm::ctl
