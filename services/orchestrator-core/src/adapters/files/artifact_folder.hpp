#pragma once

#include <filesystem>

#include "ports/artifact_files.hpp"

namespace swarm::orchestrator::files {

/// Artefacts as files of a folder: <folder>/ab/abcd…, and <folder>/incoming/ for those on their way in, which an end of the
/// process leaves behind and the next start removes. A file gets its name once all of it is on the disk, so that every file
/// that has one is whole. What comes in is written through to the disk piece by piece, so that the store's commits never wait
/// behind a large file.
class ArtifactFolder final : public ArtifactFiles {
 public:
  /// Makes the folder and empties `incoming`. `free_min`: bytes of the disk that stay free.
  static Result<std::unique_ptr<ArtifactFolder>> open(std::filesystem::path folder, std::uint64_t free_min);

  bool has(const std::string& sha256, std::uint64_t bytes) const override;
  Result<std::unique_ptr<IncomingFile>> create(const std::string& sha256, std::uint64_t bytes) override;
  Result<std::unique_ptr<OutgoingFile>> open(const std::string& sha256) const override;
  Result<void> remove(const std::string& sha256) override;
  Result<void> each(const std::function<bool(const std::string& sha256)>& visit) const override;

  /// All files that are there now, into another folder of the same volume, without copying their bytes.
  Result<void> link_into(const std::filesystem::path& target) const;

 private:
  ArtifactFolder(std::filesystem::path folder, std::uint64_t free_min) : folder_(std::move(folder)), free_min_(free_min) {}
  std::filesystem::path path_of(const std::string& sha256) const;

  const std::filesystem::path folder_;
  const std::uint64_t free_min_;
};

}  // namespace swarm::orchestrator::files
