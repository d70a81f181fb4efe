#include "libs/rpc/certificate_files.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

namespace swarm::rpc {
namespace {

struct FreeBio { void operator()(BIO* b) const { BIO_free(b); } };
struct FreeCertificate { void operator()(X509* c) const { X509_free(c); } };
struct FreeKey { void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); } };
using Bio = std::unique_ptr<BIO, FreeBio>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

/// Leaves no error in OpenSSL's queue, where the next caller would take it for its own.
struct Quiet {
  Quiet() { ERR_set_mark(); }
  ~Quiet() { ERR_pop_to_mark(); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

/// Instead of asking at the terminal.
int no_password(char*, int, int, void*) { return -1; }

std::string unreadable(const std::string& file) { return "can't read " + file + ": " + std::strerror(errno); }

Certificate first_certificate(BIO* in) { return Certificate(PEM_read_bio_X509(in, nullptr, &no_password, nullptr)); }

}  // namespace

std::string fault_of_certificates(const std::string& file) {
  const Quiet quiet;
  const Bio in(BIO_new_file(file.c_str(), "rb"));
  if (!in) return unreadable(file);
  return first_certificate(in.get()) ? "" : "holds no PEM certificate: " + file;
}

std::string fault_of_key(const std::string& key_file, const std::string& cert_file) {
  const Quiet quiet;
  const Bio in(BIO_new_file(key_file.c_str(), "rb"));
  if (!in) return unreadable(key_file);
  const Key key(PEM_read_bio_PrivateKey(in.get(), nullptr, &no_password, nullptr));
  if (!key) return "holds no PEM private key, or an encrypted one: " + key_file;
  const Bio shown(BIO_new_file(cert_file.c_str(), "rb"));
  const Certificate certificate = shown ? first_certificate(shown.get()) : nullptr;
  if (certificate && X509_check_private_key(certificate.get(), key.get()) != 1) return key_file + " is not the key of " + cert_file;
  return "";
}

std::optional<WallTime> certificate_ends(const std::string& file) {
  const Quiet quiet;
  const Bio in(BIO_new_file(file.c_str(), "rb"));
  const Certificate certificate = in ? first_certificate(in.get()) : nullptr;
  std::tm end{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) return std::nullopt;
  return WallTime(std::chrono::seconds(timegm(&end)));
}

}  // namespace swarm::rpc
