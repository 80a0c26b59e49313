# The worker: the command `cxr-severity` with all it needs, as a user without rights.
FROM python:3.12-slim AS build

RUN python -m venv /opt/cxr-severity
ENV PATH=/opt/cxr-severity/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /build
# First, so that a change of our own code does not fetch gigabytes again. Wheels alone: the image
# has no compiler, and a wheel runs no code when it is installed.
COPY requirements-cpu.lock requirements.lock ./
# The small one scores on CPUs with the bundled models; GPUs and txrv-* models need the other.
ARG REQUIREMENTS
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps --require-hashes --only-binary :all: \
        --requirement "${REQUIREMENTS:-requirements-cpu.lock}"

COPY pyproject.toml README.md LICENSE ./
COPY severity severity
COPY db db
COPY flows flows
# No isolation: setuptools too is the one of the lock file.
RUN pip install --no-deps --no-build-isolation --no-cache-dir .


FROM python:3.12-slim

# A number that docs/docker.md names: the inbox must be readable for it.
RUN useradd --uid 10001 --create-home --home-dir /var/lib/cxr-severity --no-log-init cxr-severity
COPY --from=build /opt/cxr-severity /opt/cxr-severity
ENV PATH=/opt/cxr-severity/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SEVERITY_HOME=/var/lib/cxr-severity

USER 10001:10001
WORKDIR /var/lib/cxr-severity
ENTRYPOINT ["cxr-severity"]
CMD ["--help"]
