"""Builds the project's container images from installed Debian packages, without a container engine.

    closure   which shared libraries a binary needs, and which Debian package each comes from
    rootfs    the image's file system: binary, closure, CA certificates, the user 65532
    sbom      SPDX 2.3 document of all that
    oci       the file system as an OCI image layout in one tar file, the same bytes every time

Standard library only; needs ldd, dpkg-query and strip.
"""
