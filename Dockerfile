# The image holds one static binary, the certificates it trusts and an empty /data, and runs as an unprivileged user. A release's is made without
# Docker and starts the same (internal/release); this is for building from source.
#
# doc/operations.md shows how to run it. Beware of "docker run --env-file": it makes the quotes in .env part of the values.
#
# The same commit gives the same binary. For the same image, byte for byte, take the times from the commit too:
#
#     docker buildx build --build-arg VERSION="$(git describe --tags --always)" --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" \
#         --output type=docker,name=localhost/peyk,rewrite-timestamp=true .

FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/peyk .
RUN mkdir -m 0700 /out/data && echo 'peyk:x:65532:65532:peyk:/data:/sbin/nologin' > /out/passwd && echo 'peyk:x:65532:' > /out/group

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/passwd /out/group /etc/
COPY --from=build /out/peyk /peyk
# A new volume gets its owner and mode from here.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
# HTTP_ADDR is reachable only inside the container: for its health check.
ENV DB_PATH=/data/peyk.db HTTP_ADDR=127.0.0.1:9383
HEALTHCHECK --interval=30s --timeout=15s --start-period=30s --retries=3 CMD ["/peyk", "check", "--quick"]
ENTRYPOINT ["/peyk"]
ARG VERSION=
LABEL org.opencontainers.image.title="Peyk" \
      org.opencontainers.image.description="Joins an SMS panel to Telegram" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
