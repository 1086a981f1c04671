# The serveflow binary with ONNX Runtime and the bundles that ship, on glibc
# (ONNX Runtime does not run on musl).

FROM python:3.12-slim-bookworm AS onnxruntime
WORKDIR /src
COPY scripts/onnxruntime.sh scripts/
RUN sh scripts/onnxruntime.sh

# Of the same Debian release as the last stage: the binary links to glibc.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# There is no .git here: docker build --build-arg COMMIT=$(git rev-parse HEAD) names it.
ARG COMMIT=
RUN CGO_ENABLED=1 go build -trimpath -buildvcs=false -ldflags="-s -w -X main.commit=$COMMIT" -o /out/serveflow ./cmd/serveflow

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libstdc++6 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/serveflow /opt/serveflow/bin/serveflow
COPY --from=onnxruntime /src/.onnxruntime/libonnxruntime.so /opt/serveflow/lib/libonnxruntime.so
COPY bundles/ /opt/serveflow/bundles/
# A volume that is mounted here belongs to the user below.
RUN install -d -o 65532 -g 65532 /var/lib/serveflow
ENV PATH=/opt/serveflow/bin:/usr/bin:/bin \
    SERVEFLOW_ONNXRUNTIME=/opt/serveflow/lib/libonnxruntime.so
WORKDIR /opt/serveflow
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=6s --start-period=30s --retries=6 CMD ["serveflow", "health"]
ENTRYPOINT ["serveflow"]
CMD ["run"]
