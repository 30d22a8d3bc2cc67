# The image holds one static binary, the certificates it trusts and an empty /data, and runs as nobody in particular.
#
# README.md shows how to run it. Beware of "docker run --env-file": it takes the quotes in .env for a part of the values.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/peyk .
RUN mkdir -m 0700 /out/data && echo 'peyk:x:65532:65532:peyk:/data:/sbin/nologin' > /out/passwd && echo 'peyk:x:65532:' > /out/group

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/passwd /out/group /etc/
COPY --from=build /out/peyk /peyk
# A new volume takes owner and mode from here.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV DB_PATH=/data/peyk.db
ENTRYPOINT ["/peyk"]
