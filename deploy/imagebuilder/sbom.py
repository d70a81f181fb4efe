"""An SPDX 2.3 document of an image: our binary, and each Debian package that a file of the image comes from."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

from .closure import Library
from .rootfs import CA_BUNDLE

_COPYRIGHT = Path("/usr/share/doc")


def document(name: str, version: str, architecture: str, created: str, root: Path, libraries: list[Library],
             extra: dict[str, tuple[str, str]] | None = None, pypi: list[tuple[str, str]] | None = None) -> bytes:
    """`root` is the laid file system. Licences are Debian's own copyright files, word for word.

    `extra` are further Debian packages, name to version and source; `pypi` names and versions of what comes from there.
    """
    packages, relations, files, licences = [], [], [], []
    ours = _spdx_id("Package", name)
    packages.append({
        "SPDXID": ours, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION", "primaryPackagePurpose": "APPLICATION",
    })
    relations.append(_relation("SPDXRef-DOCUMENT", "DESCRIBES", ours))
    owner_of = {library.soname: library.package for library in libraries} | {CA_BUNDLE.name: "ca-certificates"}
    for package, package_version, source in sorted(_packages(libraries) | {(n, v, s) for n, (v, s) in (extra or {}).items()}):
        identifier, licence = _spdx_id("Package", package), f"LicenseRef-{_safe(package)}"
        packages.append({
            "SPDXID": identifier, "name": package, "versionInfo": package_version, "sourceInfo": f"built from {source}",
            "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", "licenseDeclared": licence, "copyrightText": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": _purl(package, package_version, architecture)}],
        })
        licences.append({"licenseId": licence, "name": f"copyright file of {package}", "extractedText": _licence(package)})
        relations.append(_relation(ours, "DEPENDS_ON", identifier))
    for package, package_version in pypi or []:
        identifier = _spdx_id("Package", f"pypi-{package}")
        packages.append({
            "SPDXID": identifier, "name": package, "versionInfo": package_version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:pypi/{package.replace('_', '-')}@{package_version}"}],
        })
        relations.append(_relation(ours, "DEPENDS_ON", identifier))
    for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
        content, place = path.read_bytes(), "./" + str(path.relative_to(root))
        identifier = _spdx_id("File", place[2:])
        files.append({
            "SPDXID": identifier, "fileName": place, "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION",
            "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()}],
        })
        owner = owner_of.get(path.name)
        relations.append(_relation(_spdx_id("Package", owner) if owner else ours, "CONTAINS", identifier))
    body = {"packages": packages, "files": files, "relationships": relations, "hasExtractedLicensingInfos": licences}
    content_id = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(body, sort_keys=True))
    head: dict[str, Any] = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"{name}-{version}",
        "documentNamespace": f"urn:uuid:{content_id}",
        "creationInfo": {"created": created, "creators": ["Tool: deploy/build-images"]},
    }
    return (json.dumps(head | body, indent=1, sort_keys=True) + "\n").encode()


def _packages(libraries: list[Library]) -> set[tuple[str, str, str]]:
    run = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}\t${source:Package}", "ca-certificates"],
                         capture_output=True, text=True, check=True)
    version, source = run.stdout.split("\t")
    return {(l.package, l.version, l.source) for l in libraries} | {("ca-certificates", version, source)}


def _licence(package: str) -> str:
    path = _COPYRIGHT / package / "copyright"
    return path.read_text("utf-8", "replace") if path.exists() else "NOASSERTION"


def _purl(package: str, version: str, architecture: str) -> str:
    quoted = version.replace("+", "%2B").replace(":", "%3A").replace("~", "~")
    return f"pkg:deb/debian/{package.replace('+', '%2B')}@{quoted}?arch={architecture}&distro=debian-12"


def _relation(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", text.replace("+", "plus"))


def _spdx_id(kind: str, text: str) -> str:
    return f"SPDXRef-{kind}-{_safe(text)}"
