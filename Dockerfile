# zflow: the entrypoint that turns an empty volume into a running, hardened Zimbra server.
# Debian bookworm, because its apt still accepts the SHA-1 signature of Ubuntu 18.04's archive; trixie's does not.
# By name, because by name you get Debian's corrections; a digest here would age with the checkout. To publish an image,
# pin the base by --build-arg: docs/deployment.md.
ARG BASE=docker.io/library/debian:bookworm-slim
FROM ${BASE} AS base
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    # Ubuntu's keyring comes from backports; the mirror is the one the base image names, in either format.
    sed -i 's/^Suites: bookworm bookworm-updates$/& bookworm-backports/' /etc/apt/sources.list.d/*.sources 2>/dev/null || true; \
    if [ -s /etc/apt/sources.list ]; then \
        sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) bookworm main.*/deb \1\2 bookworm-backports main/p' \
            /etc/apt/sources.list > /etc/apt/sources.list.d/backports.list; \
    fi; \
    apt-get update -qq; \
    apt-get install -y -qq --no-install-recommends \
        ca-certificates dnsmasq-base gpg gpg-agent gpgv iproute2 mmdebstrap netbase nftables openssl python3 tini \
        ubuntu-archive-keyring; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log

FROM base AS builder
ARG PIP_CERT
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
# The dependencies are a separate layer, pinned by hashes: what was tested is what runs, also a year from now. Only
# wheels, because building one from a source package would fetch tools that nothing pins.
RUN python3 -m venv /opt/zflow \
    && /opt/zflow/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
# The tools that build zflow's wheel are pinned too; there is no isolated environment that would fetch others.
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY alembic/ alembic/
COPY zflow/ zflow/
COPY states/ states/
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /opt/wheel \
    && /opt/zflow/bin/pip install -q --disable-pip-version-check --no-deps --no-index /opt/wheel/*.whl \
    && /opt/zflow/bin/pip uninstall -q -y pip setuptools \
    && /opt/zflow/bin/python -m compileall -q /opt/zflow/lib

FROM base
COPY --from=builder /opt/zflow /opt/zflow
ENV PATH=/opt/zflow/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
VOLUME /data
EXPOSE 25 80 110 143 443 465 587 993 995 5222 5223 7071
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["zflow", "health"]
# tini reaps orphans and passes signals only to zflow, which stops the services in order.
ENTRYPOINT ["tini", "--", "zflow"]
CMD ["run"]
# What this image was made of; `python3 -m supply.arguments` prints the first two. Last, because they change with each commit.
ARG VERSION=""
ARG REVISION=""
ARG SOURCE=""
# Podman's cache distinguishes builds only by the arguments of a RUN: without it, a label would keep an earlier value.
RUN : "${VERSION} ${REVISION} ${SOURCE}"
LABEL org.opencontainers.image.title="zflow" \
      org.opencontainers.image.description="First-boot provisioning of Zimbra in a container, as a resumable state machine" \
      org.opencontainers.image.documentation="README.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
