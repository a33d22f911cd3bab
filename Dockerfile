# The images of scripts/image, for those who have a container engine:
#
#   docker build --target webhook --tag podtap/webhook:0.1.0 .
#   docker build --target sidecar --tag podtap/sidecar:0.1.0 .
#
# The files of both come from scripts/image, so that there is one list of what an image holds. Node.js
# is that of package-lock.json; the one of the base image only runs npm.

FROM node:26-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends \
    binutils libatomic1 libcap2-bin libpcap-dev
WORKDIR /src
COPY . .
RUN scripts/image --files /out webhook sidecar
# A container that is not root's may capture only by this: Kubernetes gives it no ambient capability.
RUN setcap cap_net_raw+ep /out/sidecar/usr/bin/node

FROM scratch AS webhook
COPY --from=build /out/webhook/ /
ENV PATH=/usr/bin
ENV NODE_ENV=production
LABEL org.opencontainers.image.title="podtap webhook"
WORKDIR /app
USER 65532:65532
EXPOSE 10250/tcp
ENTRYPOINT ["/usr/bin/node", "--max-old-space-size=128", "/app/dist/webhook/main.js"]

FROM scratch AS sidecar
COPY --from=build /out/sidecar/ /
ENV PATH=/usr/bin
ENV NODE_ENV=production
LABEL org.opencontainers.image.title="podtap sidecar"
WORKDIR /app
USER 65532:65532
EXPOSE 14789/tcp
ENTRYPOINT ["/usr/bin/node", "--max-old-space-size=64", "--max-semi-space-size=1", "/app/dist/sidecar/main.js"]
