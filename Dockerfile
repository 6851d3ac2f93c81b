# README's first command in an image: docker build -t ebm . && docker run --rm -v "$PWD/runs:/ebm/runs" ebm
# The build compiles for the processor that it runs on; --build-arg NATIVE=OFF makes an image that runs on others, slower.
FROM debian:12
ARG NATIVE=ON
WORKDIR /ebm
COPY . .
RUN tools/setup.sh -DEBM_CUDA=OFF -DEBM_NATIVE=$NATIVE
ENTRYPOINT ["./train_ebm_vae"]
CMD ["mnist"]
