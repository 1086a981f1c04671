# The serveflow binary with ONNX Runtime and the bundles that ship, on glibc
# (ONNX Runtime does not run on musl). It is built by BuildKit, which docker
# compose and Docker 23 or newer use.

FROM python:3.12-slim-bookworm AS onnxruntime
WORKDIR /src
COPY scripts/onnxruntime.sh scripts/
RUN sh scripts/onnxruntime.sh

# Of the same Debian release as the last stage: the binary links to glibc.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY . .
# Without --build-arg COMMIT=..., serveflow version names the commit of the checkout.
ARG COMMIT=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 go build -trimpath -buildvcs=false -ldflags="-s -w -X main.commit=${COMMIT:-$(sh scripts/commit.sh)}" -o /out/bin/serveflow ./cmd/serveflow
# A checkout may be its owner's alone to read; the image runs as somebody else.
RUN mkdir -p /out/testdata && cp -r bundles /out/ && cp testdata/records/lab.jsonl.zst /out/testdata/ && chmod -R u=rwX,go=rX /out

FROM debian:bookworm-slim
COPY --from=build /out/ /opt/serveflow/
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=onnxruntime --chmod=755 /src/.onnxruntime/libonnxruntime.so /opt/serveflow/lib/
# A volume that is mounted here belongs to the user below.
RUN install -d -o 65532 -g 65532 /var/lib/serveflow
ENV PATH=/opt/serveflow/bin:/usr/bin:/bin \
    SERVEFLOW_ONNXRUNTIME=/opt/serveflow/lib/libonnxruntime.so
WORKDIR /opt/serveflow
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --start-interval=1s --retries=3 CMD ["serveflow", "health"]
ENTRYPOINT ["serveflow"]
CMD ["run"]
