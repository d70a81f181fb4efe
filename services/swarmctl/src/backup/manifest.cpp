#include "backup/manifest.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace swarm::ctl {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kName = "manifest.json";

Manifest::File file_of(const boost::json::value& value) {
  const auto& object = value.as_object();
  return {std::string(object.at("path").as_string()), object.at("bytes").to_number<std::uint64_t>(), std::string(object.at("sha256").as_string())};
}

}  // namespace

Result<void> sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int failed = fd < 0 || ::fsync(fd) != 0 ? errno : 0;
  if (fd >= 0) ::close(fd);
  if (failed != 0) return Error{Code::Internal, "can't sync " + path.string() + ": " + std::strerror(failed)};
  return outcome::success();
}

bool stays_below(const std::string& path) {
  const fs::path p(path);
  if (path.empty() || p.is_absolute() || path.find('\0') != std::string::npos) return false;
  return std::none_of(p.begin(), p.end(), [](const fs::path& part) { return part == ".." || part == "." || part.empty(); });
}

Result<void> write_manifest(const fs::path& backup, const Manifest& manifest) {
  boost::json::array files;
  for (const auto& file : manifest.files) files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  const boost::json::object all{{"format", manifest.format},
                                {"service", manifest.service},
                                {"version", manifest.version},
                                {"made_unix_ms", manifest.made_unix_ms},
                                {"files", std::move(files)}};
  const auto path = backup / kName;
  const auto fresh = backup / (std::string(kName) + ".new");
  {
    std::ofstream out(fresh, std::ios::binary);
    out << boost::json::serialize(all) << '\n';
    if (!out.flush()) return Error{Code::ResourceExhausted, "can't write " + fresh.string()};
  }
  BOOST_OUTCOME_TRYV(sync_path(fresh));
  std::error_code failed;
  fs::rename(fresh, path, failed);
  if (failed) return Error{Code::Internal, "can't rename " + fresh.string() + ": " + failed.message()};
  return sync_path(backup);
}

Result<Manifest> read_manifest(const fs::path& backup) {
  const auto path = backup / kName;
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{Code::NotFound, "no backup in " + backup.string() + ": it has no manifest.json"};
  std::ostringstream text;
  text << in.rdbuf();
  try {
    const auto all = boost::json::parse(text.str()).as_object();
    Manifest manifest;
    manifest.format = all.at("format").to_number<std::int64_t>();
    if (manifest.format > Manifest::kFormat) {
      return Error{Code::FailedPrecondition, path.string() + " is of format " + std::to_string(manifest.format) + ", newer than this program knows (" +
                                                 std::to_string(Manifest::kFormat) + "); use a newer swarmctl"};
    }
    manifest.service = all.at("service").as_string();
    manifest.version = all.at("version").as_string();
    manifest.made_unix_ms = all.at("made_unix_ms").to_number<std::int64_t>();
    for (const auto& file : all.at("files").as_array()) {
      manifest.files.push_back(file_of(file));
      if (!stays_below(manifest.files.back().path)) return Error{Code::DataLoss, path.string() + " names a path outside of the backup"};
    }
    return manifest;
  } catch (const std::exception& error) {
    return Error{Code::DataLoss, path.string() + " is malformed: " + error.what()};
  }
}

}  // namespace swarm::ctl
