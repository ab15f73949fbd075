-- What Argo CD shows of an Order. A cancelled order is Healthy: that is how it was to end.
local hs = { status = "Progressing", message = "waits for the order controller" }
local status = obj.status
if status == nil or status.phase == nil then
  return hs
end
for _, c in ipairs(status.conditions or {}) do
  if c.type == "Stalled" and c.status == "True" then
    return { status = "Degraded", message = c.message }
  end
end
local waiting = nil
for _, c in ipairs(status.conditions or {}) do
  if c.type == "Reconciling" and c.status == "True" then
    waiting = c.message
  end
end
if status.observedGeneration ~= obj.metadata.generation then
  return hs
end
if status.phase == "Pending" then
  hs.message = "waits for its stock to be reserved"
elseif status.phase == "ReturnRequested" then
  if status["return"] ~= nil and status["return"].state == "Approved" then
    hs.message = "waits for the stock side to decide about what came back"
  else
    hs.status = "Suspended"
    hs.message = "a return waits for a decision"
  end
elseif status.phase == "Confirmed" and waiting ~= nil then
  hs.message = waiting
else
  hs.status = "Healthy"
  hs.message = status.phase
  if status.cancelledReason ~= nil then
    hs.message = hs.message .. ": " .. status.cancelledReason
  end
  if status.phase == "Fulfilled" and status.returnedItems ~= nil then
    hs.message = hs.message .. ": a part came back"
  end
  if status.notRestocked ~= nil then
    hs.message = hs.message .. "; some units could not be put back on the shelf"
  end
end
return hs
