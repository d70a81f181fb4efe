#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "adapters/files/descriptor.hpp"
#include "libs/base/sha256.hpp"
#include "ports/artifact_files.hpp"

namespace swarm::orchestrator::files {

/// One file in `incoming`, which becomes `target` when it is kept. `claim` is let go of last.
class Incoming final : public IncomingFile {
 public:
  struct Announced {
    std::string sha256;
    std::uint64_t bytes = 0;
    bool resumable = false;
  };
  Incoming(Descriptor file, std::filesystem::path path, std::filesystem::path target, Announced announced, std::shared_ptr<void> claim)
      : claim_(std::move(claim)), file_(std::move(file)), path_(std::move(path)), target_(std::move(target)), announced_(std::move(announced)),
        left_over_(!announced_.resumable) {}
  ~Incoming() override;

  /// Reads the first `offset` bytes, which are there, and goes on behind them.
  Result<void> skip(std::uint64_t offset, const std::function<void(std::string_view)>& seen);

  Result<void> write(std::string_view bytes) override;
  Result<void> keep() override;
  void discard() override { left_over_ = true; }

 private:
  Error spoilt(Error error);

  const std::shared_ptr<void> claim_;
  Descriptor file_;
  const std::filesystem::path path_;
  const std::filesystem::path target_;
  const Announced announced_;
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  Sha256 sum_;
  bool kept_ = false;
  bool left_over_;  // goes with this object
};

}  // namespace swarm::orchestrator::files
