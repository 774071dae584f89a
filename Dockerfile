# The exporter in an image of its own: docs/install.md says how to run it.
#
# The base by digest, so that a build next year starts from the same files; Dependabot proposes newer ones.
ARG PYTHON_IMAGE=docker.io/library/python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${PYTHON_IMAGE} AS build
# The generation of python-socketio: 4, which the vendor documents, or 5 for newer servers.
ARG SOCKETIO=4
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# Dependencies first: they change less often than the exporter. None is compiled here, so no compiler is needed.
COPY requirements/build.txt requirements/socketio${SOCKETIO}.txt requirements/
RUN python3 -m venv /build \
    && /build/bin/pip install --require-hashes --only-binary :all: --requirement requirements/build.txt \
    && python3 -m venv --without-pip /opt/vecharge-exporter \
    && /build/bin/pip --python /opt/vecharge-exporter/bin/python install \
        --require-hashes --only-binary :all: --requirement "requirements/socketio${SOCKETIO}.txt"

COPY LICENSE README.md pyproject.toml ./
COPY exporter exporter
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && /build/bin/pip --python /opt/vecharge-exporter/bin/python install --no-deps /dist/*.whl

FROM ${PYTHON_IMAGE}
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vecharge-exporter" \
      org.opencontainers.image.description="Prometheus exporter for EV chargers on the veCharge service" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# A new volume takes its owner from here; a folder that is mounted in its place must belong to this user.
RUN install --directory --owner=10037 --group=10037 --mode=0750 /var/lib/vecharge-exporter
COPY --from=build /opt/vecharge-exporter /opt/vecharge-exporter

# glibc's cache for each thread keeps freed blocks, and their pages with them: memory would rise as connections are lost.
ENV GLIBC_TUNABLES=glibc.malloc.tcache_count=0 \
    PATH=/opt/vecharge-exporter/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VECHARGE_EXPORTER_STORAGE_PATH=/var/lib/vecharge-exporter
# By number, so that Kubernetes can see that it is not root.
USER 10037:10037
WORKDIR /var/lib/vecharge-exporter
VOLUME /var/lib/vecharge-exporter
EXPOSE 10037
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=20s CMD ["vecharge-exporter", "healthcheck"]
ENTRYPOINT ["vecharge-exporter"]
CMD ["run"]
