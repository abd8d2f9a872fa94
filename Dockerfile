# One file, a target for each service: docker build --target consumer .
# Base images are Debian-based throughout.
FROM node:24-trixie-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY shared/package.json shared/
COPY mock-api/package.json mock-api/
COPY producer/package.json producer/
COPY consumer/package.json consumer/
COPY dashboard/package.json dashboard/
COPY tributary/package.json tributary/
COPY test/package.json test/
COPY bench/package.json bench/

FROM manifests AS build
RUN npm ci
COPY tsconfig.base.json tsconfig.json pipeline.yaml ./
COPY shared shared
COPY mock-api mock-api
COPY producer producer
COPY consumer consumer
COPY dashboard dashboard
COPY tributary tributary
RUN npx tsc -b tributary

# Production dependencies of the services alone: no compiler, no test tools. Nor npm's logs and its cache of
# compiled code, which would make each build another image.
FROM manifests AS runtime
ENV NODE_ENV=production HOST=0.0.0.0
RUN npm ci --omit=dev -w shared -w mock-api -w producer -w consumer -w dashboard \
 && npm cache clean --force \
 && rm -rf /root/.npm /tmp/*
COPY pipeline.yaml ./
COPY --from=build /app/shared/dist shared/dist
# Where a volume for the dashboard's audit log goes: a new one takes the owner of the folder that it covers.
RUN mkdir /audit && chown node:node /audit
USER node

FROM runtime AS mock-api
COPY --from=build /app/mock-api/dist mock-api/dist
EXPOSE 8080
CMD ["node", "mock-api/dist/main.js"]

# V8 of Node 24 takes 128 MB for young objects under load; with 16 MB for each half it takes 32, at the same speed.
FROM runtime AS producer
COPY --from=build /app/producer/dist producer/dist
EXPOSE 8081
CMD ["node", "--max-semi-space-size=16", "producer/dist/main.js"]

FROM runtime AS consumer
# The ledger's Lua scripts are read from src.
COPY --from=build /app/consumer/src/ledger/lua consumer/src/ledger/lua
COPY --from=build /app/consumer/dist consumer/dist
EXPOSE 8082
CMD ["node", "--max-semi-space-size=16", "consumer/dist/main.js"]

FROM runtime AS dashboard
COPY --from=build /app/dashboard/dist dashboard/dist
COPY --from=build /app/dashboard/public dashboard/public
EXPOSE 8000
CMD ["node", "dashboard/dist/main.js"]

# The command `tributary`, for what people and schedules do: backup, restore, erase, subject, export, ... It runs once and ends.
FROM manifests AS tools
ENV NODE_ENV=production
RUN npm ci --omit=dev -w shared -w mock-api -w producer -w consumer -w dashboard -w tributary \
 && npm cache clean --force \
 && rm -rf /root/.npm /tmp/* \
 && ln -s /app/tributary/bin/tributary.js /usr/local/bin/tributary \
 && mkdir /audit /backup /output && chown node:node /audit /backup /output
COPY pipeline.yaml ./
COPY --from=build /app/shared/dist shared/dist
COPY --from=build /app/mock-api/dist mock-api/dist
COPY --from=build /app/producer/dist producer/dist
COPY --from=build /app/consumer/src/ledger/lua consumer/src/ledger/lua
COPY --from=build /app/consumer/dist consumer/dist
COPY --from=build /app/dashboard/dist dashboard/dist
COPY --from=build /app/dashboard/public dashboard/public
COPY --from=build /app/tributary/dist tributary/dist
COPY tributary/bin tributary/bin
COPY tributary/templates tributary/templates
USER node
ENTRYPOINT ["tributary"]
CMD ["--help"]
