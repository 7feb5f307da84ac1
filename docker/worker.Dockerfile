# A worker on CPU; with everything in it also `backchannel up` on a small server. From the repository's root:
#     docker build -f docker/worker.Dockerfile -t backchannel-worker:0.1.0 .
# --build-arg TORCH_INDEX=... names another index that has the CPU-only build of torch.

# The digest was read from other public repositories that pin the same tag; the registry itself was not asked.
FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/venv
COPY pyproject.toml constraints.txt docker/requirements.py ./
# Without this index the same version of torch would come with gigabytes of CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python requirements.py worker postgres local > requirements.txt \
    && python -m pip install --no-cache-dir --constraint constraints.txt hatchling \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --extra-index-url "$TORCH_INDEX" \
        --constraint constraints.txt --requirement requirements.txt
COPY LICENSE README.md ./
COPY modeling modeling
COPY workers workers
COPY bot bot
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --target /opt/app dist/*.whl

FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
LABEL org.opencontainers.image.title="Backchannel worker, CPU" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 backchannel \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /data --shell /usr/sbin/nologin backchannel \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/app /opt/app
ENV PATH=/opt/app/bin:/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/data/huggingface \
    MPLCONFIGDIR=/tmp/matplotlib \
    BACKCHANNEL_DATA_DIR=/data
WORKDIR /data
USER 10001:10001
EXPOSE 8090 8091 8092
HEALTHCHECK --interval=60s --timeout=10s --start-period=120s --retries=2 CMD ["backchannel", "health", "--here", "worker-classify"]
ENTRYPOINT ["backchannel"]
CMD ["worker", "classify"]
