#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <set>

#include "ports/artifact_files.hpp"

namespace swarm::orchestrator::files {

struct FolderOptions {
  std::uint64_t free_min = 0;                    // bytes of the disk that stay free
  std::chrono::milliseconds resume_within{3'600'000};  // what was cut off is kept so long, to be gone on with
  std::size_t resumable_max = 64;                // so many at most, the newest
};

/// Artefacts as files of a folder: <folder>/ab/abcd…, and <folder>/incoming/abcd… for those on their way in, where they stay
/// for a while when they are cut off, also by an end of the process. A file gets its name once all of it is on the disk, so
/// that every file that has one is whole. What comes in is written through to the disk piece by piece, so that the store's
/// commits never wait behind a large file. Where two bring the same bytes at a time, only the first can be gone on with.
class ArtifactFolder final : public ArtifactFiles {
 public:
  /// Makes the folder, and removes from `incoming` what can't be gone on with.
  static Result<std::unique_ptr<ArtifactFolder>> open(std::filesystem::path folder, FolderOptions options);

  bool has(const std::string& sha256, std::uint64_t bytes) const override;
  Result<std::unique_ptr<IncomingFile>> create(const std::string& sha256, std::uint64_t bytes) override;
  Result<std::unique_ptr<IncomingFile>> resume(const std::string& sha256, std::uint64_t bytes, std::uint64_t offset,
                                               const std::function<void(std::string_view)>& seen) override;
  Result<std::uint64_t> arrived(const std::string& sha256) const override;
  void drop_abandoned() override;
  Result<std::unique_ptr<OutgoingFile>> open(const std::string& sha256) const override;
  Result<void> remove(const std::string& sha256) override;
  Result<void> each(const std::function<bool(const std::string& sha256)>& visit) const override;

  /// All files that are there now, into another folder of the same volume, without copying their bytes.
  Result<void> link_into(const std::filesystem::path& target) const;

 private:
  /// A name in `incoming` that one upload has for itself.
  class Claim;
  /// The files in `incoming`, by name. Shared with the claims on them.
  struct Claims {
    std::mutex mutex;
    std::set<std::string> names;
  };

  ArtifactFolder(std::filesystem::path folder, FolderOptions options) : folder_(std::move(folder)), options_(options) {}
  std::filesystem::path path_of(const std::string& sha256) const;
  std::filesystem::path incoming(const std::string& name) const;
  Result<void> check_room(std::uint64_t bytes) const;
  std::unique_ptr<Claim> claim(const std::string& name) const;

  const std::filesystem::path folder_;
  const FolderOptions options_;
  const std::shared_ptr<Claims> claims_ = std::make_shared<Claims>();
};

}  // namespace swarm::orchestrator::files
