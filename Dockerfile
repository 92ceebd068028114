# worq in an image of its own: a pool for the module at /app/tasks.ts, on the server of WORQ_URL.
#
#   docker build -t worq .
#   docker run --rm worq demo
#   docker run --rm -v ./tasks.ts:/app/tasks.ts:ro -e WORQ_URL=redis://host:6379/0 worq
#
# An image with the tasks inside: FROM worq, then COPY the folder with tasks.ts to /app

FROM denoland/deno:2.9.6 AS build
COPY --from=oven/bun:1.4.5 /usr/local/bin/bun /usr/local/bin/bun
WORKDIR /src
COPY deno.json deno.lock ./
RUN deno install --frozen
COPY *.ts ./
COPY src src
# Bun's: the binary that the tests build and run wherever they run.
RUN deno task compile:bun

# glibc and certificates, and libstdc++ for native packages of tasks; neither shell nor package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="worq" \
      org.opencontainers.image.description="A task queue for TypeScript: the worq command" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /src/dist/worq /usr/local/bin/worq
COPY LICENSE /usr/share/doc/worq/LICENSE
# By number, so that Kubernetes can tell that it is not root.
USER 65532:65532
WORKDIR /app
ENV WORQ_MODULE=/app/tasks.ts \
    WORQ_HEALTH=:8080
EXPOSE 8080
# SIGTERM has the pool finish its running tasks, for as long as --grace says.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s CMD ["/usr/local/bin/worq", "health"]
ENTRYPOINT ["/usr/local/bin/worq"]
CMD ["run"]
