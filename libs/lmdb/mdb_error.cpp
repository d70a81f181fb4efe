#include "libs/lmdb/mdb_error.hpp"

#include <lmdb.h>

#include <cerrno>
#include <string>

namespace swarm::lmdb {
namespace {

Code code_of(int code) {
  switch (code) {
    case MDB_NOTFOUND: return Code::NotFound;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_READERS_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE: return Code::ResourceExhausted;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID: return Code::DataLoss;
    case MDB_PANIC:
    case EIO: return Code::Unavailable;
    case MDB_BAD_VALSIZE: return Code::InvalidArgument;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR: return Code::FailedPrecondition;
    default: return Code::Internal;
  }
}

std::string_view remedy_of(int code) {
  switch (code) {
    case MDB_MAP_FULL: return "; the store has reached its size limit: raise it or delete old data";
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "; the disk is full: free space on it or raise the quota";
    case MDB_READERS_FULL: return "; too many snapshots are held at once";
    case EACCES:
    case EPERM: return "; give this user the directory (chown) or choose another data_dir";
    case EROFS: return "; the file system is mounted read-only: choose another data_dir";
    case EIO:
    case MDB_PANIC: return "; whether the last commit is on disk is unknown: stop, check the disk and start again";
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND: return "; restore the directory from a backup";
    default: return "";
  }
}

}  // namespace

Error mdb_error(int code, std::string_view doing, const std::filesystem::path& directory) {
  std::string text(doing);
  text.append(" in ").append(directory.string()).append(": ").append(mdb_strerror(code)).append(remedy_of(code));
  return {code_of(code), std::move(text)};
}

}  // namespace swarm::lmdb
