#include "backup/receive.hpp"

namespace swarm::ctl {
namespace fs = std::filesystem;
namespace {

Error out_of_order(const std::string& what) { return {Code::DataLoss, "the service sent no sound backup: " + what}; }

}  // namespace

BackupReceiver::BackupReceiver(fs::path directory) : directory_(std::move(directory)), partial_(directory_.string() + ".partial") {}

Result<BackupReceiver> BackupReceiver::open(const fs::path& directory) {
  std::error_code failed;
  if (fs::exists(directory, failed)) return Error{Code::AlreadyExists, directory.string() + " exists already; choose another place"};
  BackupReceiver receiver(directory);
  fs::remove_all(receiver.partial_, failed);
  if (!failed) fs::create_directories(receiver.partial_ / "data", failed);
  if (!failed) fs::permissions(receiver.partial_, fs::perms::owner_all, failed);
  if (failed) return Error{Code::Internal, "can't make " + receiver.partial_.string() + ": " + failed.message()};
  return receiver;
}

Result<void> BackupReceiver::take(const operations::BackupPart& part) {
  using Part = operations::BackupPart;
  if (ended_) return out_of_order("it goes on after its end");
  if (begun_ == (part.part_case() == Part::kBegin)) return out_of_order("it begins with something else, or twice");
  switch (part.part_case()) {
    case Part::kBegin:
      begun_ = true;
      manifest_.service = part.begin().service();
      manifest_.version = part.begin().version();
      manifest_.made_unix_ms = part.begin().made_unix_ms();
      return outcome::success();
    case Part::kFile: return begin_file(part.file());
    case Part::kData:
      if (!out_.is_open()) return out_of_order("bytes without a file");
      sum_.add(part.data());
      written_ += part.data().size();
      out_.write(part.data().data(), static_cast<std::streamsize>(part.data().size()));
      if (!out_) return Error{Code::ResourceExhausted, "can't write " + file_.path + " into " + partial_.string() + ": is the disk full?"};
      return outcome::success();
    case Part::kFileEnd: return end_file(part.file_end().sha256());
    case Part::kEnd:
      if (out_.is_open() || part.end().files() != manifest_.files.size()) return out_of_order("files are missing");
      ended_ = true;
      return outcome::success();
    case Part::PART_NOT_SET: break;
  }
  return out_of_order("a part of a kind that is unknown here; use a newer swarmctl");
}

Result<void> BackupReceiver::begin_file(const operations::BackupFile& file) {
  if (out_.is_open()) return out_of_order("a file within a file");
  if (!stays_below(file.path())) return out_of_order("it names a path outside of it");
  const auto path = partial_ / "data" / file.path();
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  out_.open(path, std::ios::binary | std::ios::trunc);
  if (failed || !out_) return Error{Code::Internal, "can't make " + path.string()};
  file_ = {file.path(), file.bytes(), ""};
  sum_ = Sha256();
  written_ = 0;
  return outcome::success();
}

Result<void> BackupReceiver::end_file(const std::string& sha256) {
  if (!out_.is_open()) return out_of_order("the end of no file");
  out_.close();
  const auto path = partial_ / "data" / file_.path;
  if (out_.fail()) return Error{Code::ResourceExhausted, "can't write " + path.string() + ": is the disk full?"};
  file_.sha256 = sum_.finish();
  if (written_ != file_.bytes || file_.sha256 != sha256) return out_of_order(file_.path + " is not what was sent");
  BOOST_OUTCOME_TRYV(sync_path(path));
  manifest_.files.push_back(file_);
  return outcome::success();
}

Result<Manifest> BackupReceiver::finish() {
  if (!ended_) return out_of_order("it has no end");
  BOOST_OUTCOME_TRYV(write_manifest(partial_, manifest_));
  std::error_code failed;
  fs::rename(partial_, directory_, failed);
  if (failed) return Error{Code::Internal, "can't rename " + partial_.string() + ": " + failed.message()};
  BOOST_OUTCOME_TRYV(sync_path(fs::absolute(directory_).parent_path()));
  return manifest_;
}

}  // namespace swarm::ctl
