# The server alone: Postgres and Valkey are containers of their own here (docker-compose.yml).

FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/holdfast
COPY pyproject.toml README.md constraints.txt ./
COPY protos ./protos
COPY server ./server
COPY clients ./clients
RUN /opt/holdfast/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt '.[server]'

FROM python:3.11-slim
# A number, so that orchestrators which demand a user other than root can see that it is one.
RUN useradd --system --uid 10001 --no-create-home holdfast
COPY --from=build /opt/holdfast /opt/holdfast
ENV PATH=/opt/holdfast/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOLDFAST_HOST=0.0.0.0 \
    HOLDFAST_PORT=50051
USER 10001
WORKDIR /tmp
EXPOSE 50051
# Through the health service of gRPC, as a load balancer asks it; SERVING means that decisions are taken.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["python", "-c", "\
import os, sys, grpc; \
from grpc_health.v1 import health_pb2 as h, health_pb2_grpc as s; \
channel = grpc.insecure_channel('127.0.0.1:' + os.environ['HOLDFAST_PORT']); \
answer = s.HealthStub(channel).Check(h.HealthCheckRequest(), timeout=2); \
sys.exit(answer.status != h.HealthCheckResponse.SERVING)"]
ENTRYPOINT ["python", "-m", "holdfast_server"]
