#include "libs/operations/backup_copy.hpp"

#include <algorithm>

#include "libs/lmdb/environment.hpp"

namespace swarm::operations {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kSpareBytes = 64 << 20;
constexpr std::string_view kFolder = "backup-in-progress";

Error failure(const std::string& doing, const std::error_code& error) {
  const bool full = error == std::errc::no_space_on_device;
  return {full ? Code::ResourceExhausted : Code::Internal, "backup: can't " + doing + ": " + error.message()};
}

Result<void> copy_plain(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  if (!fs::exists(from, failed)) return outcome::success();
  for (fs::recursive_directory_iterator it(from, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code gone;  // replaced or rotated away meanwhile
    if (!it->is_regular_file(gone) || gone) continue;
    const auto target = to / fs::relative(it->path(), from, gone);
    fs::create_directories(target.parent_path(), failed);
    if (failed) break;
    fs::copy_file(it->path(), target, failed);
    if (failed == std::errc::no_such_file_or_directory) failed.clear();
  }
  if (failed) return failure("copy " + from.string(), failed);
  return outcome::success();
}

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t sum = 0;
  std::error_code failed;  // files may go while we look; it is an estimate
  for (fs::recursive_directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code gone;
    const auto size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (!gone) sum += size;
  }
  return sum;
}

}  // namespace

BackupSource store_in(const std::string& folder, const lmdb::Environment& store) {
  return {folder, [&store] { return store.bytes_used(); }, [&store](const fs::path& to) { return store.backup(to); }};
}

BackupSource plain_files(const fs::path& data_dir, const std::string& folder) {
  const auto from = data_dir / folder;
  return {folder, [from] { return bytes_in(from); }, [from](const fs::path& to) { return copy_plain(from, to); }};
}

void BackupCopy::remove_left_over(const fs::path& data_dir) {
  std::error_code ignored;  // what can't be removed is noticed by the next backup
  fs::remove_all(data_dir / kFolder, ignored);
}

BackupCopy::~BackupCopy() {
  if (!directory_.empty()) remove_left_over(directory_.parent_path());
}

Result<BackupCopy> BackupCopy::make(const fs::path& data_dir, const std::vector<BackupSource>& sources) {
  remove_left_over(data_dir);
  std::uint64_t needed = kSpareBytes;
  for (const auto& source : sources) needed += source.bytes();
  std::error_code failed;
  const auto space = fs::space(data_dir, failed);
  if (!failed && space.available < needed) {
    return Error{Code::ResourceExhausted, "backup: the copy needs " + std::to_string(needed >> 20) + " MiB on the volume of the data directory, and " +
                                              std::to_string(space.available >> 20) + " MiB are free"};
  }
  BackupCopy copy(data_dir / kFolder);
  fs::create_directory(copy.directory_, failed);
  if (!failed) fs::permissions(copy.directory_, fs::perms::owner_all, failed);
  if (failed) return failure("create " + copy.directory_.string(), failed);
  for (const auto& source : sources) {
    BOOST_OUTCOME_TRYV(source.copy(source.folder.empty() ? copy.directory_ : copy.directory_ / source.folder));
  }
  for (fs::recursive_directory_iterator it(copy.directory_, failed), end; !failed && it != end; it.increment(failed)) {
    if (!it->is_regular_file(failed) || failed) continue;
    copy.files_.push_back({fs::relative(it->path(), copy.directory_, failed).generic_string(), it->file_size(failed)});
  }
  if (failed) return failure("list " + copy.directory_.string(), failed);
  std::sort(copy.files_.begin(), copy.files_.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return copy;
}

}  // namespace swarm::operations
